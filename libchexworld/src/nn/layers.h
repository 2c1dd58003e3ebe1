// SPDX-License-Identifier: Apache-2.0
//
// The parts of a pre-norm vision transformer (specification, section 1; reference quirk 5).
#pragma once

#include "nn/module.h"

#include <memory>

namespace chexworld {

/// y = x W^T + b; weight f32[out, in].
class Linear : public Layer {
 public:
  Linear(std::int64_t in, std::int64_t out, bool with_bias = true);
  at::Tensor operator()(const at::Tensor& input) const override;

 protected:
  void draw_own_weights(at::Generator& generator) override;

 private:
  at::Tensor weight_, bias_;
};

/// Normalises the last axis, then scales and shifts.
class LayerNorm : public Layer {
 public:
  LayerNorm(std::int64_t width, double eps);
  at::Tensor operator()(const at::Tensor& input) const override;

 private:
  double eps_;
  at::Tensor weight_, bias_;
};

/// Two linear layers with exact GELU between.
class Mlp : public Layer {
 public:
  Mlp(std::int64_t width, std::int64_t hidden, std::int64_t out);
  at::Tensor operator()(const at::Tensor& input) const override;

 private:
  Linear fc1_, fc2_;
};

/// Multi-head self-attention, scale head_dim^-0.5. Rows of qkv: q, k, v, each split into heads.
class Attention : public Layer {
 public:
  Attention(std::int64_t width, std::int64_t heads, bool qkv_bias);
  at::Tensor operator()(const at::Tensor& input) const override;

 private:
  std::int64_t heads_;
  Linear qkv_, proj_;
};

/// f32[B,H,N,d] -> f32[B,N,H*d] after softmax(q k^T / sqrt(d)) v.
at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

struct BlockConfig {
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t mlp_hidden = 0;
  bool qkv_bias = true;
  double norm_eps = 1e-6;
};

/// Throws Failure where sizes do not fit together.
void check(const BlockConfig& config, const std::string& what);

/// int(width * ratio), robust against ratios that are not exact in binary (48/11).
std::int64_t mlp_hidden_width(std::int64_t width, double ratio);

/// x + s1 attn(norm1(x)), then x + s2 mlp(norm2(x)); s1, s2 f32[B,1,1] are stochastic depth, undefined means 1.
class Block : public Module {
 public:
  explicit Block(const BlockConfig& config);
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& attention_scale, const at::Tensor& mlp_scale) const;

 private:
  LayerNorm norm1_;
  Attention attn_;
  LayerNorm norm2_;
  Mlp mlp_;
};

struct StackOptions {
  double drop_path = 0;                 ///< stochastic depth of the last block, growing linearly from 0 at the first
  bool gradient_checkpointing = false;  ///< recompute blocks in the backward pass instead of keeping activations
};

/// Blocks in a row; part names "0", "1", ...
class BlockStack : public Module {
 public:
  BlockStack(const BlockConfig& config, std::int64_t depth, const StackOptions& options);

  at::Tensor operator()(at::Tensor tokens) const;
  /// The output of every block.
  std::vector<at::Tensor> each_output(at::Tensor tokens) const;

 private:
  at::Tensor run(std::size_t index, const at::Tensor& tokens) const;
  at::Tensor draw_scale(std::size_t index, const at::Tensor& tokens) const;

  std::vector<std::unique_ptr<Block>> blocks_;
  StackOptions options_;
};

/// Normal with this standard deviation. The published truncation at +-2 is absolute, so it never acts (quirk 11).
void draw_normal(at::Tensor& weight, double deviation, at::Generator& generator);

inline constexpr double kInitialDeviation = 0.02;

}  // namespace chexworld
