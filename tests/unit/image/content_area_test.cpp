// SPDX-License-Identifier: Apache-2.0
#include "image/content_area.h"
#include "pictures.h"

#include <cstdlib>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

constexpr TrimOptions kBlackOnly{.black_border = true, .collimation = false};
constexpr TrimOptions kBoth{.black_border = true, .collimation = true};

/// A textured field of 40 to 239 inside a frame of one grey.
GrayImage framed(int width, int height, const PixelRect& field, int frame_grey) {
  GrayImage image{width, height,
                  std::vector<std::uint8_t>(std::size_t(width) * std::size_t(height), std::uint8_t(frame_grey))};
  const GrayImage texture = test::textured(field.width, field.height);
  for (int y = 0; y < field.height; ++y)
    for (int x = 0; x < field.width; ++x)
      image.at(field.top + y, field.left + x) = std::uint8_t(40 + texture.at(y, x) * 199 / 255);
  return image;
}

void expect_close(const PixelRect& found, const PixelRect& wanted, int tolerance) {
  EXPECT_NEAR(found.top, wanted.top, tolerance);
  EXPECT_NEAR(found.left, wanted.left, tolerance);
  EXPECT_NEAR(found.top + found.height, wanted.top + wanted.height, tolerance);
  EXPECT_NEAR(found.left + found.width, wanted.left + wanted.width, tolerance);
}

TEST(ContentArea, LeavesOutABlackFrameOfUnequalSides) {
  const PixelRect field{50, 200, 700, 500};
  expect_close(content_area(framed(1000, 800, field, 3), kBlackOnly), field, 4);
}

TEST(ContentArea, LeavesOutAWhiteFrameOnlyWhereCollimationIsAskedFor) {
  const PixelRect field{50, 200, 700, 500};
  const GrayImage film = framed(1000, 800, field, 250);
  EXPECT_EQ(content_area(film, kBlackOnly), (PixelRect{0, 0, 800, 1000}));
  expect_close(content_area(film, kBoth), field, 4);
}

TEST(ContentArea, GoesPastAMarkerInTheMargin) {
  const PixelRect field{0, 300, 800, 600};
  GrayImage film = framed(1000, 800, field, 0);
  for (int y = 100; y < 120; ++y)
    for (int x = 40; x < 60; ++x) film.at(y, x) = 255;
  expect_close(content_area(film, kBlackOnly), field, 4);
}

TEST(ContentArea, KeepsTheWholeFilmWithoutMargins) {
  const GrayImage film = framed(300, 200, {0, 0, 200, 300}, 0);
  EXPECT_EQ(content_area(film, kBoth), (PixelRect{0, 0, 200, 300}));
}

TEST(ContentArea, DoesNotBelieveMarginsThatLeaveLittle) {
  const PixelRect speck{90, 90, 20, 20};
  EXPECT_EQ(content_area(framed(200, 200, speck, 0), kBoth), (PixelRect{0, 0, 200, 200}));
  EXPECT_EQ(content_area(GrayImage{64, 64, std::vector<std::uint8_t>(64 * 64, 9)}, kBoth), (PixelRect{0, 0, 64, 64}));
}

TEST(ContentArea, WorksOnOnePixel) { EXPECT_EQ(content_area(GrayImage{1, 1, {200}}, kBoth), (PixelRect{0, 0, 1, 1})); }

TEST(BlackBorderShare, IsTheAreaOfTheFrame) {
  EXPECT_NEAR(black_border_share(framed(1000, 1000, {0, 250, 1000, 500}, 0)), 0.5, 0.02);
  EXPECT_EQ(black_border_share(framed(100, 100, {0, 0, 100, 100}, 0)), 0);
}

}  // namespace
}  // namespace chexworld
