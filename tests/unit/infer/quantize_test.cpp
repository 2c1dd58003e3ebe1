// SPDX-License-Identifier: Apache-2.0
#include "infer/quantize.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace chexworld {
namespace {

struct Example {
  LinearWeights layer{40, 24, std::vector<float>(40 * 24), std::vector<float>(24)};
  std::vector<float> rows;  // f32[50,40], channels of very different range and centre
  ChannelRanges ranges{std::vector<float>(40, 1e9F), std::vector<float>(40, -1e9F)};

  Example() {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& value : layer.weight) value = 0.1F * normal(random);
    for (float& value : layer.bias) value = normal(random);
    for (std::size_t i = 0; i < 50 * 40; ++i) {
      const auto channel = float(i % 40);
      rows.push_back(normal(random) * (channel == 3 ? 60.0F : 1.0F) + (channel == 5 ? 30.0F : 0.0F));
      ranges.least[i % 40] = std::min(ranges.least[i % 40], rows.back());
      ranges.most[i % 40] = std::max(ranges.most[i % 40], rows.back());
    }
  }
};

std::uint8_t stored(float x, const Coding& coding, std::size_t channel) {
  const float q = (x - coding.centre[channel]) / (coding.factor[channel] * coding.scale) + 128;
  return std::uint8_t(std::clamp(std::nearbyint(q), 0.0F, 255.0F));
}

/// Root mean square error of the quantized product, divided by that of the exact one.
double relative_error(const Example& example, const Coding& coding) {
  const QuantizedLinear quantized = quantize(example.layer, coding);
  double error = 0, power = 0;
  for (std::size_t row = 0; row < 50; ++row) {
    for (std::size_t n = 0; n < 24; ++n) {
      double exact = example.layer.bias[n];
      long sum = 0;
      for (std::size_t j = 0; j < 40; ++j) {
        exact += double(example.layer.weight[n * 40 + j]) * double(example.rows[row * 40 + j]);
        sum += long(quantized.weight[n * 40 + j]) * stored(example.rows[row * 40 + j], coding, j);
      }
      const double found =
          double(coding.scale) * double(quantized.weight_scale[n]) * double(sum) + double(quantized.bias[n]);
      error += (found - exact) * (found - exact);
      power += exact * exact;
    }
  }
  return std::sqrt(error / power);
}

TEST(Quantize, FollowsTheExactProduct) {
  const Example example;
  EXPECT_LT(relative_error(example, balanced_coding(example.ranges, example.layer)), 0.02);
}

TEST(Quantize, BalancingBeatsOneRangeForAll) {
  const Example example;
  const float least = *std::min_element(example.ranges.least.begin(), example.ranges.least.end());
  const float most = *std::max_element(example.ranges.most.begin(), example.ranges.most.end());
  const double uniform = relative_error(example, uniform_coding({{least}, {most}}).for_channels(40));
  EXPECT_LT(uniform, 0.2) << "the uniform coding is wrong, not just coarse";
  EXPECT_LT(relative_error(example, balanced_coding(example.ranges, example.layer)), uniform);
}

TEST(Quantize, UniformCodingHasAnExactZero) {
  const UniformCoding coding = uniform_coding({{-0.17F}, {5.0F}});
  EXPECT_NEAR(coding.scale * 255, 5.17F, 1e-5);
  EXPECT_EQ(coding.zero_point, 8);
  EXPECT_EQ(uniform_coding({{1.0F}, {5.0F}}).zero_point, 0) << "zero is always in the range";
}

TEST(Quantize, ChannelsThatNeverMoveAreHarmless) {
  Example example;
  example.ranges.least[7] = example.ranges.most[7] = 0.5F;
  for (std::size_t row = 0; row < 50; ++row) example.rows[row * 40 + 7] = 0.5F;
  for (std::size_t n = 0; n < 24; ++n) example.layer.weight[n * 40 + 9] = 0;
  EXPECT_LT(relative_error(example, balanced_coding(example.ranges, example.layer)), 0.02);
}

TEST(Quantize, CodedNormGivesTheCodedActivation) {
  const Example example;
  const Coding coding = balanced_coding(example.ranges, example.layer);
  const NormParameters norm{std::vector<float>(40, 1.5F), std::vector<float>(40, 0.25F)};
  const NormParameters coded = coded_norm(norm, coding);
  for (std::size_t j = 0; j < 40; ++j) {
    const float x = 0.7F, plain = x * norm.gain[j] + norm.shift[j];
    EXPECT_NEAR(x * coded.gain[j] + coded.shift[j], (plain - coding.centre[j]) / (coding.factor[j] * coding.scale),
                1e-3);
  }
}

TEST(Quantize, CodedValuesTouchOnlyTheValueRows) {
  LinearWeights qkv{2, 6, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {1, 2, 3, 4, 5, 6}};
  const LinearWeights coded = coded_values(qkv, {{1, 2}, {2, 4}, 0.1F});
  EXPECT_EQ(coded.weight, (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 4.5F, 5, 2.75F, 3}));
  EXPECT_EQ(coded.bias, (std::vector<float>{1, 2, 3, 4, 2, 1}));
}

}  // namespace
}  // namespace chexworld
