// SPDX-License-Identifier: Apache-2.0
//
// Expected values are worked out by hand from PS3.3 C.11.1 and C.11.2.
#include "image/grayscale_pipeline.h"

#include <cmath>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

StoredPixels row_of(std::vector<int> values, bool is_signed = false, int bits_stored = 16) {
  StoredPixels pixels{1, int(values.size()), bits_stored, is_signed, {}};
  for (const int value : values) pixels.samples.push_back(std::uint16_t(value));
  return pixels;
}

std::vector<float> grey(const GrayscaleAttributes& attributes, const StoredPixels& pixels, ContrastPolicy policy = {}) {
  return GrayscaleTransform(attributes, policy, pixels).to_float(pixels).pixels;
}

GrayscaleAttributes with_window(double center, double width, VoiFunction function = VoiFunction::kLinear) {
  GrayscaleAttributes attributes;
  attributes.windows = {{center, width, function}};
  return attributes;
}

TEST(GrayscalePipeline, LinearWindowFollowsTheFormulaOfTheStandard) {
  // c = 2048, w = 4096: black up to c - 0.5 - (w - 1) / 2 = 0, white above 4095.
  const auto values = grey(with_window(2048, 4096), row_of({0, 1, 2047, 4095, 5000}));
  EXPECT_THAT(values, ElementsAre(0.0F, FloatEq(1.0F / 4095), FloatEq(2047.0F / 4095), FloatEq(1.0F), 1.0F));
}

TEST(GrayscalePipeline, WindowOfWidthOneIsAThreshold) {
  EXPECT_THAT(grey(with_window(100, 1), row_of({99, 100, 101})), ElementsAre(0.0F, 1.0F, 1.0F));
}

TEST(GrayscalePipeline, LinearExactHasNoHalfPixelAndNoMinusOne) {
  const auto values = grey(with_window(500, 24, VoiFunction::kLinearExact), row_of({487, 488, 500, 506, 512, 513}));
  EXPECT_THAT(values, ElementsAre(0.0F, 0.0F, 0.5F, 0.75F, 1.0F, 1.0F));
}

TEST(GrayscalePipeline, SigmoidIsOneHalfAtTheCentre) {
  const auto values = grey(with_window(1000, 400, VoiFunction::kSigmoid), row_of({1000, 1100, 900}));
  EXPECT_THAT(values,
              ElementsAre(0.5F, FloatEq(float(1 / (1 + std::exp(-1.0)))), FloatEq(float(1 / (1 + std::exp(1.0))))));
}

TEST(GrayscalePipeline, RescaleComesBeforeTheWindow) {
  GrayscaleAttributes attributes = with_window(1000.5, 2001);
  attributes.rescale_slope = 2;
  attributes.rescale_intercept = -100;
  EXPECT_THAT(grey(attributes, row_of({50, 550, 1050})), ElementsAre(0.0F, FloatEq(0.5F), FloatEq(1.0F)));
}

TEST(GrayscalePipeline, SignedValuesKeepTheirSign) {
  EXPECT_THAT(grey(with_window(0.5, 201), row_of({-100, 0, 100}, true)),
              ElementsAre(0.0F, FloatEq(0.5F), FloatEq(1.0F)));
}

TEST(GrayscalePipeline, ModalityTableReplacesRescaleAndClampsOutsideItsRange) {
  GrayscaleAttributes attributes;
  attributes.rescale_slope = 77;  // must not matter
  attributes.modality_lut = LookupTable{10, 16, {1000, 2000, 5000}};
  EXPECT_THAT(grey(attributes, row_of({0, 10, 11, 12, 60000})),
              ElementsAre(0.0F, 0.0F, FloatEq(0.25F), FloatEq(1.0F), FloatEq(1.0F)));
}

TEST(GrayscalePipeline, VoiTableIsScaledByItsOwnBitsAndMayStartBelowZero) {
  GrayscaleAttributes attributes;
  attributes.voi_luts = {{-2, 8, {0, 51, 102, 255}}};
  EXPECT_THAT(grey(attributes, row_of({-500, -2, -1, 0, 1, 500}, true)),
              ElementsAre(0.0F, 0.0F, FloatEq(0.2F), FloatEq(0.4F), 1.0F, 1.0F));
}

TEST(GrayscalePipeline, ChoiceCountsTablesFirstThenWindowsAndStopsAtTheLast) {
  GrayscaleAttributes attributes = with_window(500, 100, VoiFunction::kSigmoid);
  attributes.voi_luts = {{0, 8, {255}}};
  ContrastPolicy policy;
  EXPECT_EQ(contrast_source(attributes, policy), ContrastSource::kVoiLut);
  policy.choice = 1;
  EXPECT_EQ(contrast_source(attributes, policy), ContrastSource::kSigmoid);
  policy.choice = 9;
  EXPECT_EQ(contrast_source(attributes, policy), ContrastSource::kSigmoid);
  policy.kind = ContrastPolicy::Kind::kRange;
  EXPECT_EQ(contrast_source(attributes, policy), ContrastSource::kRange);
  EXPECT_EQ(contrast_source({}, {}), ContrastSource::kRange);
}

TEST(GrayscalePipeline, RangeLeavesPaddingOutAndDrawsItBlackEvenWhenInverted) {
  GrayscaleAttributes attributes;
  attributes.padding = PixelPadding{4090, 4095};
  attributes.inverted = true;
  EXPECT_THAT(grey(attributes, row_of({4095, 100, 200, 300, 4090})),
              ElementsAre(0.0F, 1.0F, FloatEq(0.5F), 0.0F, 0.0F));
}

TEST(GrayscalePipeline, NegativeSlopeTurnsTheRangeRound) {
  GrayscaleAttributes attributes;
  attributes.rescale_slope = -1;
  EXPECT_THAT(grey(attributes, row_of({10, 20, 30})), ElementsAre(1.0F, FloatEq(0.5F), 0.0F));
}

TEST(GrayscalePipeline, ConstantPicturesAndAllPaddingDoNotDivideByZero) {
  EXPECT_THAT(grey({}, row_of({7, 7, 7})), ElementsAre(0.0F, 0.0F, 0.0F));
  GrayscaleAttributes attributes;
  attributes.padding = PixelPadding{7, 7};
  EXPECT_THAT(grey(attributes, row_of({7, 7})), ElementsAre(0.0F, 0.0F));
  attributes = {};
  attributes.rescale_slope = 0;
  EXPECT_THAT(grey(attributes, row_of({1, 2})), ElementsAre(0.0F, 0.0F));
}

TEST(GrayscalePipeline, PercentilesIgnoreAHotPixel) {
  std::vector<int> values;
  for (int i = 0; i <= 1000; ++i) values.push_back(i);
  values.push_back(65535);
  ContrastPolicy policy;
  policy.kind = ContrastPolicy::Kind::kPercentile;
  const auto levels = grey({}, row_of(values), policy);
  EXPECT_GT(levels[999], 0.99F);
  EXPECT_FLOAT_EQ(levels[1001], 1.0F);
  EXPECT_NEAR(levels[500], 0.5F, 0.01F);
}

TEST(GrayscalePipeline, EightBitsAreRoundedToTheNearest) {
  const StoredPixels pixels = row_of({0, 1, 3, 4, 1017, 1019, 1020});  // four stored values to a grey level
  const GrayImage image = GrayscaleTransform(with_window(510.5, 1021), {}, pixels).to_gray(pixels);
  EXPECT_THAT(image.pixels, ElementsAre(0, 0, 1, 1, 254, 255, 255));
  EXPECT_EQ(image.height, 1);
  EXPECT_EQ(image.width, 7);
}

TEST(Window, IsUsableOnlyWithFiniteNumbersAndAWidthItsFunctionAllows) {
  EXPECT_TRUE((Window{0, 1, VoiFunction::kLinear}.usable()));
  EXPECT_FALSE((Window{0, 0.5, VoiFunction::kLinear}.usable()));
  EXPECT_TRUE((Window{0, 0.5, VoiFunction::kLinearExact}.usable()));
  EXPECT_FALSE((Window{0, 0, VoiFunction::kSigmoid}.usable()));
  EXPECT_FALSE((Window{std::nan(""), 10, VoiFunction::kLinear}.usable()));
  EXPECT_FALSE((Window{0, INFINITY, VoiFunction::kLinear}.usable()));
}

}  // namespace
}  // namespace chexworld
