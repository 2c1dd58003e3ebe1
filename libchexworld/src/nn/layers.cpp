// SPDX-License-Identifier: Apache-2.0
#include "nn/layers.h"

#include "base/failure.h"
#include "nn/autocast.h"
#include "nn/recompute.h"

#include <c10/core/GradMode.h>
#include <cmath>

namespace chexworld {

void draw_normal(at::Tensor& weight, double deviation, at::Generator& generator) {
  weight.copy_(at::empty(weight.sizes(), at::kFloat).normal_(0.0, deviation, generator));
}

Linear::Linear(std::int64_t in, std::int64_t out, bool with_bias) {
  weight_ = add_parameter("weight", at::zeros({out, in}));
  if (with_bias) bias_ = add_parameter("bias", at::zeros({out}));
}

at::Tensor Linear::operator()(const at::Tensor& input) const { return at::linear(input, weight_, bias_); }

void Linear::draw_own_weights(at::Generator& generator) {
  draw_normal(weight_, kInitialDeviation, generator);
  if (bias_.defined()) bias_.zero_();
}

LayerNorm::LayerNorm(std::int64_t width, double eps) : eps_(eps) {
  weight_ = add_parameter("weight", at::ones({width}));
  bias_ = add_parameter("bias", at::zeros({width}));
}

at::Tensor LayerNorm::operator()(const at::Tensor& input) const {
  return at::layer_norm(input, weight_.sizes(), weight_, bias_, eps_);
}

Mlp::Mlp(std::int64_t width, std::int64_t hidden, std::int64_t out) : fc1_(width, hidden), fc2_(hidden, out) {
  add_part("fc1", fc1_);
  add_part("fc2", fc2_);
}

at::Tensor Mlp::operator()(const at::Tensor& input) const { return fc2_(at::gelu(fc1_(input))); }

namespace {

/// LibTorch's kernel for the CPU multiplies shorter types without the machine's instructions for them, ten times slower
/// than float32: so that is what it gets, autocast or not.
at::Tensor attend_in_float(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  const AutocastGuard off({at::kCPU, false});
  const auto widened = [](const at::Tensor& tensor) { return tensor.to(at::kFloat); };
  return attend(widened(query), widened(key), widened(value)).to(query.scalar_type());
}

}  // namespace

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  if (query.is_cpu() && at::isReducedFloatingType(query.scalar_type())) return attend_in_float(query, key, value);
  return at::scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2);
}

Attention::Attention(std::int64_t width, std::int64_t heads, bool qkv_bias)
    : heads_(heads), qkv_(width, 3 * width, qkv_bias), proj_(width, width) {
  add_part("qkv", qkv_);
  add_part("proj", proj_);
}

at::Tensor Attention::operator()(const at::Tensor& input) const {
  const at::Tensor qkv =
      qkv_(input).unflatten(2, at::IntArrayRef({3, heads_, input.size(2) / heads_})).permute({2, 0, 3, 1, 4});
  return proj_(attend(qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2)));
}

void check(const BlockConfig& config, const std::string& what) {
  if (config.width <= 0 || config.heads <= 0 || config.mlp_hidden <= 0)
    fail(ErrorCode::kInvalidArgument, what + ": width, heads and MLP width must be positive");
  if (config.width % config.heads != 0)
    fail(ErrorCode::kInvalidArgument, what + ": width " + std::to_string(config.width) + " does not divide into " +
                                          std::to_string(config.heads) + " heads");
}

std::int64_t mlp_hidden_width(std::int64_t width, double ratio) {
  return std::int64_t(std::floor(double(width) * ratio + 1e-6));
}

Block::Block(const BlockConfig& config)
    : norm1_(config.width, config.norm_eps),
      attn_(config.width, config.heads, config.qkv_bias),
      norm2_(config.width, config.norm_eps),
      mlp_(config.width, config.mlp_hidden, config.width) {
  add_part("norm1", norm1_);
  add_part("attn", attn_);
  add_part("norm2", norm2_);
  add_part("mlp", mlp_);
}

at::Tensor Block::operator()(const at::Tensor& input, const at::Tensor& attention_scale,
                             const at::Tensor& mlp_scale) const {
  const auto scaled = [](const at::Tensor& update, const at::Tensor& scale) {
    return scale.defined() ? update * scale.to(update.scalar_type()) : update;
  };
  const at::Tensor middle = input + scaled(attn_(norm1_(input)), attention_scale);
  return middle + scaled(mlp_(norm2_(middle)), mlp_scale);
}

BlockStack::BlockStack(const BlockConfig& config, std::int64_t depth, const StackOptions& options) : options_(options) {
  if (options.drop_path < 0 || options.drop_path >= 1)
    fail(ErrorCode::kInvalidArgument, "drop path must be at least 0 and less than 1");
  for (std::int64_t i = 0; i < depth; ++i) {
    blocks_.push_back(std::make_unique<Block>(config));
    add_part(std::to_string(i), *blocks_.back());
  }
}

at::Tensor BlockStack::draw_scale(std::size_t index, const at::Tensor& tokens) const {
  const double rate = blocks_.size() < 2 ? 0 : options_.drop_path * double(index) / double(blocks_.size() - 1);
  if (!training() || rate == 0) return {};
  const double keep = 1 - rate;
  return at::empty({tokens.size(0), 1, 1}, tokens.options().dtype(at::kFloat)).bernoulli_(keep).div_(keep);
}

at::Tensor BlockStack::run(std::size_t index, const at::Tensor& tokens) const {
  const Block& block = *blocks_[index];
  // Drawn out here, so that a recomputed block meets the same ones.
  const at::Tensor attention_scale = draw_scale(index, tokens);
  const at::Tensor mlp_scale = draw_scale(index, tokens);
  if (!options_.gradient_checkpointing || !training() || !c10::GradMode::is_enabled())
    return block(tokens, attention_scale, mlp_scale);
  return recomputed_in_backward([&block, attention_scale, mlp_scale](
                                    const at::Tensor& input) { return block(input, attention_scale, mlp_scale); },
                                tokens, block.trainable_parameters());
}

at::Tensor BlockStack::operator()(at::Tensor tokens) const {
  for (std::size_t i = 0; i < blocks_.size(); ++i) tokens = run(i, tokens);
  return tokens;
}

std::vector<at::Tensor> BlockStack::each_output(at::Tensor tokens) const {
  std::vector<at::Tensor> outputs;
  for (std::size_t i = 0; i < blocks_.size(); ++i) outputs.push_back(tokens = run(i, tokens));
  return outputs;
}

}  // namespace chexworld
