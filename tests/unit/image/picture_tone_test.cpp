// SPDX-License-Identifier: Apache-2.0
#include "image/picture_tone.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace chexworld {
namespace {

TEST(PictureTone, IsMeanAndDeviationOfTheGreyPicture) {
  GrayImage film{2, 2, {0, 51, 102, 255}};
  std::vector<float> prepared(12);
  normalize(film, {}, prepared);
  const PictureTone tone = tone_of(prepared, {});
  EXPECT_NEAR(tone.brightness, 0.4, 1e-6);
  EXPECT_NEAR(tone.contrast, std::sqrt((0.16 + 0.04 + 0 + 0.36) / 4), 1e-6);
}

TEST(PictureTone, OfOneGreyHasNoContrast) {
  const GrayImage film{8, 8, std::vector<std::uint8_t>(64, 255)};
  std::vector<float> prepared(192);
  normalize(film, {}, prepared);
  EXPECT_NEAR(tone_of(prepared, {}).brightness, 1, 1e-6);
  EXPECT_NEAR(tone_of(prepared, {}).contrast, 0, 1e-3);
  EXPECT_EQ(tone_of({}, {}).brightness, 0);
}

}  // namespace
}  // namespace chexworld
