// SPDX-License-Identifier: Apache-2.0
#include "nn/convolution.h"

#include <cmath>

namespace chexworld {
namespace {

void draw_uniform(at::Tensor& values, std::int64_t fan_in, at::Generator& generator) {
  const double bound = 1 / std::sqrt(double(fan_in));
  values.copy_(at::empty(values.sizes(), at::kFloat).uniform_(-bound, bound, generator));
}

}  // namespace

Convolution::Convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                         std::int64_t padding)
    : stride_(stride), padding_(padding) {
  weight_ = add_parameter("weight", at::zeros({out, in, kernel, kernel}));
  bias_ = add_parameter("bias", at::zeros({out}));
}

at::Tensor Convolution::operator()(const at::Tensor& input) const {
  return at::conv2d(input, weight_, bias_, at::IntArrayRef({stride_, stride_}), at::IntArrayRef({padding_, padding_}));
}

void Convolution::draw_own_weights(at::Generator& generator) {
  draw_uniform(weight_, weight_[0].numel(), generator);
  draw_uniform(bias_, weight_[0].numel(), generator);
}

TransposedConvolution::TransposedConvolution(std::int64_t in, std::int64_t out) {
  weight_ = add_parameter("weight", at::zeros({in, out, 2, 2}));
  bias_ = add_parameter("bias", at::zeros({out}));
}

at::Tensor TransposedConvolution::operator()(const at::Tensor& input) const {
  return at::conv_transpose2d(input, weight_, bias_, at::IntArrayRef({2, 2}));
}

void TransposedConvolution::draw_own_weights(at::Generator& generator) {
  draw_uniform(weight_, weight_[0].numel(), generator);
  draw_uniform(bias_, weight_[0].numel(), generator);
}

BatchNorm::BatchNorm(std::int64_t channels) {
  weight_ = add_parameter("weight", at::ones({channels}));
  bias_ = add_parameter("bias", at::zeros({channels}));
  running_mean_ = add_buffer("running_mean", at::zeros({channels}));
  running_var_ = add_buffer("running_var", at::ones({channels}));
  batches_tracked_ = add_buffer("num_batches_tracked", at::zeros({}, at::kLong));
}

at::Tensor BatchNorm::operator()(const at::Tensor& input) const {
  if (training()) batches_tracked_.add_(1);
  return at::batch_norm(input, weight_, bias_, running_mean_, running_var_, training(), 0.1, 1e-5, true);
}

at::Tensor Upsample::operator()(const at::Tensor& input) const {
  return at::upsample_nearest2d(input, {2 * input.size(2), 2 * input.size(3)});
}

at::Tensor Sequence::operator()(const at::Tensor& input) const {
  at::Tensor output = input;
  for (const auto& layer : layers_) output = (*layer)(output);
  return output;
}

}  // namespace chexworld
