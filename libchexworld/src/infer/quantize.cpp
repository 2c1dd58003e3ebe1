// SPDX-License-Identifier: Apache-2.0
#include "infer/quantize.h"

#include "infer/kernels.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

constexpr float kSmallest = 1e-6F;  // keeps channels that never move from dividing by zero

std::vector<float> largest_weights(const LinearWeights& layer) {
  std::vector<float> largest(std::size_t(layer.inputs), kSmallest);
  for (std::size_t i = 0; i < layer.weight.size(); ++i) {
    float& entry = largest[i % std::size_t(layer.inputs)];
    entry = std::max(entry, std::abs(layer.weight[i]));
  }
  return largest;
}

struct QuantizedRow {
  float scale = 1;
  double centre_sum = 0;  // sum W centre
  long weight_sum = 0;    // sum W8
};

QuantizedRow quantize_row(const float* weight, const Coding& input, std::span<std::int8_t> to) {
  QuantizedRow row;
  float largest = kSmallest;
  for (std::size_t j = 0; j < to.size(); ++j) {
    largest = std::max(largest, std::abs(weight[j] * input.factor[j]));
    row.centre_sum += double(weight[j]) * double(input.centre[j]);
  }
  row.scale = largest / 127;
  for (std::size_t j = 0; j < to.size(); ++j) {
    to[j] = std::int8_t(std::lround(weight[j] * input.factor[j] / row.scale));
    row.weight_sum += to[j];
  }
  return row;
}

}  // namespace

Coding balanced_coding(const ChannelRanges& ranges, const LinearWeights& layer) {
  const std::vector<float> weights = largest_weights(layer);
  Coding coding;
  float widest = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const float half = std::max((ranges.most[j] - ranges.least[j]) / 2, kSmallest);
    coding.centre.push_back((ranges.most[j] + ranges.least[j]) / 2);
    coding.factor.push_back(std::sqrt(half / weights[j]));
    widest = std::max(widest, half / coding.factor.back());
  }
  coding.scale = widest / 127;
  return coding;
}

UniformCoding uniform_coding(const ChannelRanges& ranges) {
  const float least = std::min(ranges.least.front(), 0.0F);
  const float most = std::max(ranges.most.front(), 0.0F);
  UniformCoding coding;
  coding.scale = std::max(most - least, kSmallest) / 255;
  coding.zero_point = std::int32_t(std::lround(-least / coding.scale));
  return coding;
}

Coding UniformCoding::for_channels(std::int64_t count) const {
  const auto channels = static_cast<std::size_t>(count);
  return {std::vector<float>(channels, scale * float(kZeroPoint - zero_point)), std::vector<float>(channels, 1.0F),
          scale};
}

QuantizedLinear quantize(const LinearWeights& layer, const Coding& input) {
  const auto inputs = static_cast<std::size_t>(layer.inputs);
  QuantizedLinear quantized;
  quantized.weight.resize(layer.weight.size());
  for (std::size_t n = 0; n < std::size_t(layer.outputs); ++n) {
    const std::span<std::int8_t> to(quantized.weight.data() + n * inputs, inputs);
    const QuantizedRow row = quantize_row(layer.weight.data() + n * inputs, input, to);
    const double offset = double(kZeroPoint) * double(input.scale) * double(row.scale) * double(row.weight_sum);
    quantized.weight_scale.push_back(row.scale);
    quantized.bias.push_back(float(double(layer.bias[n]) + row.centre_sum - offset));
  }
  return quantized;
}

NormParameters coded_norm(const NormParameters& norm, const Coding& coding) {
  NormParameters coded = norm;
  for (std::size_t j = 0; j < coded.gain.size(); ++j) {
    const float step = coding.factor[j] * coding.scale;
    coded.gain[j] = norm.gain[j] / step;
    coded.shift[j] = (norm.shift[j] - coding.centre[j]) / step;
  }
  return coded;
}

LinearWeights coded_values(const LinearWeights& qkv, const Coding& coding) {
  LinearWeights coded = qkv;
  const auto width = static_cast<std::size_t>(qkv.inputs);
  for (std::size_t j = 0; j < width; ++j) {
    const std::size_t row = 2 * width + j;
    const float factor = coding.factor[j];
    for (std::size_t k = 0; k < width; ++k) coded.weight[row * width + k] /= factor;
    coded.bias[row] = (qkv.bias[row] - coding.centre[j]) / factor;
  }
  return coded;
}

}  // namespace chexworld
