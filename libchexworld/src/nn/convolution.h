// SPDX-License-Identifier: Apache-2.0
//
// What convolutional decoders are made of. All act on f32[B,C,H,W].
#pragma once

#include "nn/module.h"

#include <memory>

namespace chexworld {

/// Weight f32[out,in,k,k], drawn uniformly from +-1/sqrt(fan in) like the bias.
class Convolution : public Layer {
 public:
  Convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t padding);
  at::Tensor operator()(const at::Tensor& input) const override;

 protected:
  void draw_own_weights(at::Generator& generator) override;

 private:
  std::int64_t stride_, padding_;
  at::Tensor weight_, bias_;
};

/// 2x2 with stride 2: doubles the side. Weight f32[in,out,2,2].
class TransposedConvolution : public Layer {
 public:
  TransposedConvolution(std::int64_t in, std::int64_t out);
  at::Tensor operator()(const at::Tensor& input) const override;

 protected:
  void draw_own_weights(at::Generator& generator) override;

 private:
  at::Tensor weight_, bias_;
};

/// eps 1e-5, momentum 0.1; the running variance is the unbiased one. In training mode a call changes the running
/// statistics, so it is not thread safe there.
class BatchNorm : public Layer {
 public:
  explicit BatchNorm(std::int64_t channels);
  at::Tensor operator()(const at::Tensor& input) const override;

 private:
  at::Tensor weight_, bias_, running_mean_, running_var_, batches_tracked_;
};

class Gelu : public Layer {
 public:
  at::Tensor operator()(const at::Tensor& input) const override { return at::gelu(input); }
};

/// Nearest neighbour, twice the side.
class Upsample : public Layer {
 public:
  at::Tensor operator()(const at::Tensor& input) const override;
};

/// Layers one after the other; part names "0", "1", ...
class Sequence : public Layer {
 public:
  template <class L, class... Sizes>
  Sequence& then(Sizes... sizes) {
    layers_.push_back(std::make_unique<L>(sizes...));
    add_part(std::to_string(layers_.size() - 1), *layers_.back());
    return *this;
  }
  at::Tensor operator()(const at::Tensor& input) const override;

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace chexworld
