// SPDX-License-Identifier: Apache-2.0
#include "image/adjust.h"

#include "base/failure.h"
#include "pictures.h"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>

namespace chexworld {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const GrayImage kRamp{5, 1, {0, 50, 100, 200, 255}};

TEST(Brightness, MultipliesCutsAndTruncates) {
  EXPECT_THAT(adjust_brightness(kRamp, 1.5).pixels, ElementsAre(0, 75, 150, 255, 255));
  EXPECT_THAT(adjust_brightness(kRamp, 0.33).pixels, ElementsAre(0, 16, 33, 66, 84));
}

TEST(Contrast, TurnsAboutTheRoundedMean) {
  // mean of the ramp is 121: 121 + 0.5 * (v - 121), truncated
  EXPECT_THAT(adjust_contrast(kRamp, 0.5).pixels, ElementsAre(60, 85, 110, 160, 188));
  EXPECT_THAT(adjust_contrast(kRamp, 0.0).pixels, ElementsAre(121, 121, 121, 121, 121));
}

TEST(Gamma, FollowsItsTable) {
  EXPECT_THAT(adjust_gamma(kRamp, 2.0).pixels, ElementsAre(0, 9, 39, 157, 255));
  EXPECT_THAT(adjust_gamma(kRamp, 0.5).pixels, ElementsAre(0, 113, 160, 226, 255));
}

TEST(Factors, OneChangesNothing) {
  const GrayImage image = test::textured(37, 23);
  EXPECT_EQ(adjust_brightness(image, 1).pixels, image.pixels);
  EXPECT_EQ(adjust_contrast(image, 1).pixels, image.pixels);
  EXPECT_EQ(adjust_gamma(image, 1).pixels, image.pixels);
  EXPECT_TRUE(ToneChain(histogram_of(image)).brightness(1).contrast(1).gamma(1).is_identity());
}

TEST(ToneChain, IsTheSameAsOneStepAfterTheOther) {
  const GrayImage image = test::textured(61, 47);
  for (const double factor : {0.6, 0.93, 1.27, 1.4}) {
    const ToneChain chain =
        ToneChain(histogram_of(image)).contrast(factor).brightness(2 - factor).contrast(0.8).gamma(factor);
    const GrayImage steps =
        adjust_gamma(adjust_contrast(adjust_brightness(adjust_contrast(image, factor), 2 - factor), 0.8), factor);
    EXPECT_EQ(apply_table(chain.table(), image).pixels, steps.pixels) << factor;
  }
}

TEST(Factors, MustBeFiniteAndNotNegative) {
  for (const double bad : {-0.1, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(capture([&] { return adjust_brightness(kRamp, bad); }).error().message(), HasSubstr("brightness"));
    EXPECT_THAT(capture([&] { return adjust_contrast(kRamp, bad); }).error().message(), HasSubstr("contrast"));
    EXPECT_THAT(capture([&] { return adjust_gamma(kRamp, bad); }).error().message(), HasSubstr("gamma"));
  }
}

TEST(Noise, ScalesItsFieldToFullScale) {
  const GrayImage image{1, 2, {100, 250}};
  const std::vector<float> field{0, 1, -1, 0, 1, -20};
  EXPECT_THAT(add_noise(image, field, 0.1), ElementsAre(100, 125, 74, 250, 255, 0));
  EXPECT_EQ(capture([&] { return add_noise(image, std::vector<float>(5), 0.1); }).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST(Luma, KeepsEqualChannels) {
  std::vector<std::uint8_t> rgb;
  for (int v = 0; v < 256; ++v) rgb.insert(rgb.end(), 3, std::uint8_t(v));
  const GrayImage image = luma_of(rgb, 16, 16);
  for (int v = 0; v < 256; ++v) EXPECT_EQ(image.pixels[std::size_t(v)], v);
  EXPECT_THAT(luma_of(std::vector<std::uint8_t>{255, 0, 0, 0, 255, 0, 0, 0, 255}, 1, 3).pixels,
              ElementsAre(76, 150, 29));
}

TEST(Normalize, GivesThreeChannels) {
  std::vector<float> output(6);
  normalize({2, 1, {0, 255}}, {{0, 0.5F, 0.25F}, {1, 0.5F, 0.25F}}, output);
  EXPECT_THAT(output, ElementsAre(0, 1, -1, 1, -1, 3));
  EXPECT_FALSE(capture([&] { normalize({2, 1, {0, 255}}, {{0, 0, 0}, {1, 0, 1}}, output); }).ok());
}

}  // namespace
}  // namespace chexworld
