// SPDX-License-Identifier: Apache-2.0
#include "image/blur.h"

#include "base/failure.h"
#include "image/geometry.h"
#include "pictures.h"

#include <cmath>
#include <gmock/gmock.h>
#include <numeric>

namespace chexworld {
namespace {

TEST(Blur, LeavesAFlatPictureAlone) {
  const GrayImage flat{9, 7, std::vector<std::uint8_t>(63, 200)};
  for (const double radius : {0.1, 1.0, 2.0, 17.5})
    EXPECT_EQ(gaussian_blur(flat, radius).pixels, flat.pixels) << radius;
}

TEST(Blur, RadiusZeroChangesNothing) {
  const GrayImage image = test::textured(20, 10);
  EXPECT_EQ(gaussian_blur(image, 0).pixels, image.pixels);
}

TEST(Blur, CommutesWithMirroring) {
  const GrayImage image = test::textured(53, 31);
  for (const double radius : {0.3, 1.0, 1.9, 6.5})
    EXPECT_EQ(gaussian_blur(flip_horizontally(image), radius).pixels,
              flip_horizontally(gaussian_blur(image, radius)).pixels);
}

// The standard deviation of a blurred point, from its profile across the picture.
double spread_of_point(double radius) {
  const int side = 61;
  GrayImage wall{side, side, std::vector<std::uint8_t>(side * side, 0)};
  for (int y = 0; y < side; ++y) wall.at(y, side / 2) = 255;
  const GrayImage blurred = gaussian_blur(wall, radius);
  double sum = 0;
  double moment = 0;
  for (int x = 0; x < side; ++x) {
    sum += blurred.at(side / 2, x);
    moment += blurred.at(side / 2, x) * double((x - side / 2) * (x - side / 2));
  }
  return std::sqrt(moment / sum);
}

TEST(Blur, SpreadsByItsRadius) {
  for (const double radius : {1.0, 1.5, 2.0, 4.0, 8.0})
    EXPECT_NEAR(spread_of_point(radius), radius, 0.06 * radius) << radius;
}

TEST(Blur, WorksWhereTheBoxIsLargerThanThePicture) {
  const GrayImage image{2, 3, {0, 255, 0, 255, 0, 255}};
  const GrayImage blurred = gaussian_blur(image, 50);
  for (const std::uint8_t value : blurred.pixels) EXPECT_NEAR(value, 127, 10);
  EXPECT_EQ(gaussian_blur({1, 1, {9}}, 3).pixels[0], 9);
}

TEST(Blur, RefusesImpossibleRadii) {
  for (const double bad : {-1.0, std::nan(""), 1e9})
    EXPECT_EQ(capture([&] { return gaussian_blur({1, 1, {9}}, bad); }).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld
