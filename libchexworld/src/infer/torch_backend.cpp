// SPDX-License-Identifier: Apache-2.0
#include "infer/torch_backend.h"

#include "base/failure.h"
#include "infer/threads.h"
#include "infer/torch_offer.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <cstring>
#include <optional>
#include <torch/version.h>

namespace chexworld {
namespace {

struct Affine {
  at::Tensor weight, bias;
};

struct TorchBlock {
  Affine norm1, qkv, proj, norm2, fc1, fc2;
};

class TorchBackend final : public Backend {
 public:
  TorchBackend(const EncoderWeights& weights, const TorchOptions& options)
      : shape_(weights.shape),
        device_(options.device),
        type_(options.bf16 ? at::kBFloat16 : at::kFloat),
        threads_(options.threads) {
    const c10::InferenceMode inference;
    const LinearWeights& patch = weights.patch_embed;
    patches_ = linear(patch);
    patches_.weight = patches_.weight.view({shape_.width, shape_.channels, shape_.patch_size, shape_.patch_size});
    positions_ = to_device(weights.positions, {1, shape_.patches(), shape_.width}, at::kFloat);
    for (const BlockWeights& block : weights.blocks)
      blocks_.push_back({norm(block.norm1), linear(block.qkv), linear(block.proj), norm(block.norm2), linear(block.fc1),
                         linear(block.fc2)});
    if (weights.norm) norm_ = norm(*weights.norm);
  }

  void encode(const float* images, std::int64_t batch, float* tokens, float* embedding) const override {
    const ThreadScope threads(threads_);
    const c10::InferenceMode inference;
    const at::Tensor result = encoded(images, batch);
    if (tokens != nullptr) copy_out(result, tokens);
    if (embedding != nullptr) copy_out(result.mean(1), embedding);
  }

  Calibration observe(const float*, std::int64_t) const override {
    fail(ErrorCode::kUnsupported, "LibTorch computes no int8, so it gathers no statistics for it");
  }

 private:
  at::Tensor to_device(const std::vector<float>& values, at::IntArrayRef shape, at::ScalarType type) const {
    auto* data = const_cast<float*>(values.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast): only read
    return at::from_blob(data, shape).to(device_, type, false, true);
  }

  Affine linear(const LinearWeights& layer) const {
    return {to_device(layer.weight, {layer.outputs, layer.inputs}, type_),
            to_device(layer.bias, {layer.outputs}, type_)};
  }

  Affine norm(const NormParameters& norm) const {
    const auto width = std::int64_t(norm.gain.size());
    return {to_device(norm.gain, {width}, at::kFloat), to_device(norm.shift, {width}, at::kFloat)};
  }

  at::Tensor normed(const at::Tensor& x, const Affine& norm) const {
    return at::layer_norm(x, {shape_.width}, norm.weight, norm.bias, shape_.norm_eps);
  }

  at::Tensor attended(const at::Tensor& qkv, std::int64_t batch) const {
    const std::vector<at::Tensor> parts =
        qkv.view({batch, shape_.patches(), 3, shape_.heads, head_width(shape_)}).permute({2, 0, 3, 1, 4}).unbind(0);
    return at::scaled_dot_product_attention(parts[0], parts[1], parts[2])
        .transpose(1, 2)
        .reshape({batch, shape_.patches(), shape_.width});
  }

  /// The residual stream is f32 in every precision.
  at::Tensor encoded(const float* images, std::int64_t batch) const {
    auto* data = const_cast<float*>(images);  // NOLINT(cppcoreguidelines-pro-type-const-cast): only read
    const at::Tensor input =
        at::from_blob(data, {batch, shape_.channels, shape_.image_size, shape_.image_size}).to(device_, type_);
    at::Tensor x = at::conv2d(input, patches_.weight, patches_.bias, shape_.patch_size).flatten(2).transpose(1, 2);
    x = x.to(at::kFloat) + positions_;
    for (const TorchBlock& block : blocks_) {
      const at::Tensor qkv = at::linear(normed(x, block.norm1).to(type_), block.qkv.weight, block.qkv.bias);
      x = x + at::linear(attended(qkv, batch), block.proj.weight, block.proj.bias).to(at::kFloat);
      const at::Tensor hidden =
          at::gelu(at::linear(normed(x, block.norm2).to(type_), block.fc1.weight, block.fc1.bias));
      x = x + at::linear(hidden, block.fc2.weight, block.fc2.bias).to(at::kFloat);
    }
    return norm_ ? normed(x, *norm_) : x;
  }

  static void copy_out(const at::Tensor& from, float* to) {
    const at::Tensor here = from.to(at::kCPU).contiguous();
    std::memcpy(to, here.const_data_ptr<float>(), std::size_t(here.numel()) * sizeof(float));
  }

  const EncoderShape shape_;
  const at::Device device_;
  const at::ScalarType type_;
  const int threads_;
  Affine patches_;
  at::Tensor positions_;
  std::vector<TorchBlock> blocks_;
  std::optional<Affine> norm_;
};

std::unique_ptr<Backend> make_torch_backend(const EncoderWeights& weights, const TorchOptions& options) {
  if (options.device != "cpu" && !at::hasCUDA())
    fail(ErrorCode::kUnsupported, "device " + options.device + ": this LibTorch has no CUDA or finds no device");
  try {
    return std::make_unique<TorchBackend>(weights, options);
  } catch (const c10::Error& error) {
    fail(ErrorCode::kUnsupported, "device " + options.device + ": " + error.what_without_backtrace());
  }
}

[[maybe_unused]] const bool offered = (use_torch_backend(), true);

}  // namespace

void use_torch_backend() { offer_torch({make_torch_backend, "LibTorch " TORCH_VERSION}); }

}  // namespace chexworld
