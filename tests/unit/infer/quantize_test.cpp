// SPDX-License-Identifier: Apache-2.0
#include "infer/quantize.h"
#include "infer/row_coding.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace chexworld {
namespace {

constexpr std::size_t kRows = 50, kInputs = 40, kOutputs = 24;

struct Example {
  LinearWeights layer{kInputs, kOutputs, std::vector<float>(kInputs* kOutputs), std::vector<float>(kOutputs)};
  std::vector<float> rows;  // f32[kRows,kInputs], channels of very different range and centre
  ChannelStatistics statistics{std::vector<float>(kInputs, 1e9F), std::vector<float>(kInputs, -1e9F),
                               std::vector<float>(kInputs, 0)};

  Example() {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& value : layer.weight) value = 0.1F * normal(random);
    for (float& value : layer.bias) value = normal(random);
    for (std::size_t i = 0; i < kRows * kInputs; ++i) {
      const std::size_t channel = i % kInputs;
      rows.push_back(normal(random) * (channel == 3 ? 60.0F : 1.0F) + (channel == 5 ? 30.0F : 0.0F));
      statistics.least[channel] = std::min(statistics.least[channel], rows.back());
      statistics.most[channel] = std::max(statistics.most[channel], rows.back());
      statistics.mean[channel] += rows.back() / float(kRows);
    }
  }
};

Coding plain_coding() {
  return {std::vector<float>(kInputs, 0), std::vector<float>(kInputs, 1), std::vector<float>(kInputs, 1)};
}

struct Coded {
  std::vector<std::uint8_t> values = std::vector<std::uint8_t>(kRows * kInputs);
  std::vector<float> scales = std::vector<float>(kRows);
  CodedRows to() { return {values.data(), scales.data()}; }
};

/// Root mean square error of the quantized product, divided by that of the exact one.
double relative_error(const Example& example, const Coding& coding) {
  const QuantizedLinear quantized = quantize(example.layer, coding);
  Coded coded;
  code_rows(example.rows.data(), kRows, kInputs, {coding.centre.data(), coding.inverse_factor.data()}, coded.to());
  double error = 0, power = 0;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t n = 0; n < kOutputs; ++n) {
      double exact = example.layer.bias[n];
      long sum = 0;
      for (std::size_t j = 0; j < kInputs; ++j) {
        exact += double(example.layer.weight[n * kInputs + j]) * double(example.rows[row * kInputs + j]);
        sum += long(quantized.weight[n * kInputs + j]) * coded.values[row * kInputs + j];
      }
      const double product = double(quantized.weight_scale[n]) * double(sum) + double(quantized.compensation[n]);
      const double found = double(coded.scales[row]) * product + double(quantized.bias[n]);
      error += (found - exact) * (found - exact);
      power += exact * exact;
    }
  }
  return std::sqrt(error / power);
}

TEST(Quantize, FollowsTheExactProduct) {
  const Example example;
  EXPECT_LT(relative_error(example, balanced_coding(example.statistics, example.layer)), 0.02);
}

TEST(Quantize, BalancingBeatsOneRangeForAll) {
  const Example example;
  const double plain = relative_error(example, plain_coding());
  EXPECT_LT(plain, 0.2) << "the plain coding is wrong, not just coarse";
  EXPECT_LT(relative_error(example, balanced_coding(example.statistics, example.layer)), plain);
}

TEST(Quantize, RowsFarOutsideWhatCalibrationSawAreNotCutOff) {
  Example example;
  const Coding coding = balanced_coding(example.statistics, example.layer);
  for (std::size_t i = 0; i < kInputs; ++i) example.rows[7 * kInputs + i] *= 100;
  EXPECT_LT(relative_error(example, coding), 0.02);
}

TEST(Quantize, ChannelsThatNeverMoveAreHarmless) {
  Example example;
  example.statistics.least[7] = example.statistics.most[7] = example.statistics.mean[7] = 0.5F;
  for (std::size_t row = 0; row < kRows; ++row) example.rows[row * kInputs + 7] = 0.5F;
  for (std::size_t n = 0; n < kOutputs; ++n) example.layer.weight[n * kInputs + 9] = 0;
  EXPECT_LT(relative_error(example, balanced_coding(example.statistics, example.layer)), 0.02);
}

TEST(Quantize, CodedNormGivesTheCodedActivation) {
  const Example example;
  const Coding coding = balanced_coding(example.statistics, example.layer);
  const NormParameters norm{std::vector<float>(kInputs, 1.5F), std::vector<float>(kInputs, 0.25F)};
  const NormParameters folded = coded_norm(norm, coding);
  std::vector<float> plain(example.rows.size());
  Coded separately, at_once;
  layer_norm(example.rows.data(), kRows, kInputs, {norm.gain.data(), norm.shift.data(), 1e-6F}, plain.data());
  code_rows(plain.data(), kRows, kInputs, {coding.centre.data(), coding.inverse_factor.data()}, separately.to());
  layer_norm_coded(example.rows.data(), kRows, kInputs, {folded.gain.data(), folded.shift.data(), 1e-6F}, at_once.to());
  for (std::size_t i = 0; i < kRows; ++i) EXPECT_NEAR(at_once.scales[i] / separately.scales[i], 1, 1e-4);
  for (std::size_t i = 0; i < plain.size(); ++i)
    EXPECT_NEAR(int(at_once.values[i]), int(separately.values[i]), 1) << "a tie may round either way";
}

TEST(RowCoding, AScaledProductIsRebuiltAddedAndPassedThroughTheGelu) {
  const std::vector<float> product{-2, 0, 3, 1, -40, 5}, scales{0.5F, 2}, bias{1, 0, -1};
  const std::vector<float> expected{0, 0, 0.5F, 3, -80, 9};
  std::vector<float> scaled = product, sum(6, 10);
  scale_rows(scaled.data(), 2, 3, scales.data(), bias.data());
  EXPECT_EQ(scaled, expected);
  add_scaled_rows(product.data(), 2, 3, scales.data(), bias.data(), sum.data());
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(sum[i], 10 + expected[i]);

  const std::vector<float> centre{0.5F, 0, 1}, inverse{2, 1, 0.5F};
  std::vector<float> row(3), to_scales = scales;
  std::vector<std::uint8_t> values(6);
  gelu_coded(product.data(), 2, 3, to_scales.data(), bias.data(), {centre.data(), inverse.data()}, row.data(),
             {values.data(), to_scales.data()});
  for (std::size_t i = 0; i < 6; ++i) {
    const double x = double(expected[i]);
    const double u = (x * 0.5 * std::erfc(-x / std::sqrt(2.0)) - double(centre[i % 3])) * double(inverse[i % 3]);
    EXPECT_NEAR(double(to_scales[i / 3]) * (int(values[i]) - kZeroPoint), u, double(to_scales[i / 3]) * 0.51) << i;
  }
}

TEST(RowCoding, ARowOfZerosStaysZero) {
  const std::vector<float> zeros(kInputs, 0);
  const Coding coding = plain_coding();
  Coded coded;
  code_rows(zeros.data(), 1, kInputs, {coding.centre.data(), coding.inverse_factor.data()}, coded.to());
  for (std::size_t i = 0; i < kInputs; ++i) EXPECT_EQ(int(coded.values[i]), kZeroPoint);
  EXPECT_TRUE(std::isfinite(coded.scales[0]));
}

}  // namespace
}  // namespace chexworld
