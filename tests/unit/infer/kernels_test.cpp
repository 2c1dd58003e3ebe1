// SPDX-License-Identifier: Apache-2.0
#include "infer/kernels.h"

#include "bundle/convert.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

namespace chexworld {
namespace {

std::vector<float> numbers(std::size_t count, float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3F, spread);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Widths below, at and beside vector lengths.
class Kernels : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Widths, Kernels, testing::Values(1, 3, 7, 8, 16, 17, 31, 48, 100, 768));

std::vector<double> normed(const std::vector<float>& x, const std::vector<float>& gain, const std::vector<float>& shift,
                           double eps) {
  const std::size_t width = gain.size();
  std::vector<double> y;
  for (std::size_t row = 0; row < x.size(); row += width) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < width; ++i) mean += double(x[row + i]) / double(width);
    for (std::size_t i = 0; i < width; ++i) variance += std::pow(double(x[row + i]) - mean, 2) / double(width);
    for (std::size_t i = 0; i < width; ++i)
      y.push_back((double(x[row + i]) - mean) / std::sqrt(variance + eps) * double(gain[i]) + double(shift[i]));
  }
  return y;
}

TEST_P(Kernels, LayerNormInEveryType) {
  const std::size_t width = GetParam(), rows = 5;
  const auto x = numbers(rows * width, 3, 1), gain = numbers(width, 1, 2), shift = numbers(width, 1, 3);
  const auto expected = normed(x, gain, shift, 1e-6);
  std::vector<float> f32(x.size());
  std::vector<Bfloat16Bits> bf16(x.size());
  layer_norm(x.data(), rows, width, {gain.data(), shift.data(), 1e-6F}, f32.data());
  layer_norm(x.data(), rows, width, {gain.data(), shift.data(), 1e-6F}, bf16.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(f32[i], expected[i], 1e-5);
    EXPECT_EQ(bf16[i], bfloat16_from_float(f32[i]));
  }
}

TEST_P(Kernels, SoftmaxSumsToOneAndFollowsExp) {
  const std::size_t width = GetParam(), rows = 4;
  auto scores = numbers(rows * width, 20, 4);
  std::vector<float> weights(scores.size());
  softmax(scores.data(), rows, width, 0.25F, weights.data());
  for (std::size_t row = 0; row < rows; ++row) {
    const float* x = scores.data() + row * width;
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) sum += std::exp(0.25 * double(x[i]));
    for (std::size_t i = 0; i < width; ++i) {
      const double expected = std::exp(0.25 * double(x[i])) / sum;
      EXPECT_NEAR(weights[row * width + i], expected, 4e-6 * expected + 1e-30);
    }
  }
  std::vector<Bfloat16Bits> halves(scores.size());
  softmax(scores.data(), rows, width, 0.25F, halves.data());
  for (std::size_t i = 0; i < halves.size(); ++i) EXPECT_EQ(halves[i], bfloat16_from_float(weights[i]));
}

TEST(Softmax, ScoresFarApartNeitherOverflowNorBecomeNaN) {
  std::vector<float> scores{-3e38F, 0, 3e38F, 1e30F};
  std::vector<float> weights(4);
  softmax(scores.data(), 1, 4, 1, weights.data());
  EXPECT_NEAR(weights[2], 1, 1e-6);
  for (const float weight : weights) EXPECT_TRUE(weight >= 0 && weight <= 1.0001F);
}

TEST_P(Kernels, BfloatRoundsToNearestEven) {
  auto values = numbers(GetParam(), 1e3F, 5);
  values[0] = 1.00390625F;  // halfway between two neighbours
  std::vector<Bfloat16Bits> bits(values.size());
  convert(values.data(), values.size(), bits.data());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(bits[i], bfloat16_from_float(values[i]));
}

TEST_P(Kernels, MeanOfRowsAndLength) {
  const std::size_t width = GetParam(), rows = 9;
  const auto x = numbers(rows * width, 2, 7);
  std::vector<float> mean(width), direction(width);
  mean_of_rows(x.data(), rows, width, mean.data());
  double length = 0;
  for (std::size_t i = 0; i < width; ++i) {
    double sum = 0;
    for (std::size_t row = 0; row < rows; ++row) sum += double(x[row * width + i]);
    EXPECT_NEAR(mean[i], sum / double(rows), 1e-5);
  }
  normalize_length(mean.data(), width, direction.data());
  for (const float value : direction) length += double(value) * double(value);
  EXPECT_NEAR(length, 1, 1e-6);
}

TEST(NormalizeLength, ZeroStaysZero) {
  std::vector<float> zero(20), result(20, 1.0F);
  normalize_length(zero.data(), 20, result.data());
  EXPECT_EQ(result, zero);
}

TEST_P(Kernels, AllFiniteSeesOneBadValueAnywhere) {
  auto values = numbers(GetParam(), 1, 8);
  EXPECT_TRUE(all_finite(values.data(), values.size()));
  for (const std::size_t place : {std::size_t{0}, values.size() / 2, values.size() - 1}) {
    const float before = values[place];
    values[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(all_finite(values.data(), values.size()));
    values[place] = -std::numeric_limits<float>::infinity();
    EXPECT_FALSE(all_finite(values.data(), values.size()));
    values[place] = before;
  }
}

}  // namespace
}  // namespace chexworld
