// SPDX-License-Identifier: Apache-2.0
#include "infer/quantize.h"

#include "infer/row_coding.h"

#include <algorithm>
#include <cmath>
#include <span>

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

Coding balanced_coding(const ChannelStatistics& statistics, const LinearWeights& layer) {
  const std::vector<float> weights = largest_weights(layer);
  Coding coding;
  coding.centre = statistics.mean;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const float mean = statistics.mean[j];
    const float reach = std::max({statistics.most[j] - mean, mean - statistics.least[j], kSmallest});
    coding.factor.push_back(std::sqrt(reach / weights[j]));
    coding.inverse_factor.push_back(1 / coding.factor.back());
  }
  return coding;
}

QuantizedLinear quantize(const LinearWeights& layer, const Coding& input) {
  const auto inputs = static_cast<std::size_t>(layer.inputs);
  QuantizedLinear quantized;
  quantized.weight.resize(layer.weight.size());
  for (std::size_t n = 0; n < std::size_t(layer.outputs); ++n) {
    const std::span<std::int8_t> to(quantized.weight.data() + n * inputs, inputs);
    const QuantizedRow row = quantize_row(layer.weight.data() + n * inputs, input, to);
    quantized.weight_scale.push_back(row.scale);
    quantized.compensation.push_back(float(-double(kZeroPoint) * double(row.scale) * double(row.weight_sum)));
    quantized.bias.push_back(float(double(layer.bias[n]) + row.centre_sum));
  }
  return quantized;
}

NormParameters coded_norm(const NormParameters& norm, const Coding& coding) {
  NormParameters coded = norm;
  for (std::size_t j = 0; j < coded.gain.size(); ++j) {
    coded.gain[j] = norm.gain[j] * coding.inverse_factor[j];
    coded.shift[j] = (norm.shift[j] - coding.centre[j]) * coding.inverse_factor[j];
  }
  return coded;
}

}  // namespace chexworld
