// SPDX-License-Identifier: Apache-2.0
#include "image/heat_overlay.h"
#include "base/failure.h"
#include "pictures.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

GrayImage grey(int width, int height) {
  return {width, height, std::vector<std::uint8_t>(std::size_t(width) * std::size_t(height), 100)};
}

struct Rgb {
  int red, green, blue;
};

Rgb at(const ColourImage& image, int y, int x) {
  const std::uint8_t* pixel = &image.pixels[3 * (std::size_t(y) * std::size_t(image.width) + std::size_t(x))];
  return {pixel[0], pixel[1], pixel[2]};
}

bool is_grey(const Rgb& colour) { return colour.red == colour.green && colour.green == colour.blue; }

TEST(HeatOverlay, ColoursWhereTheWindowLies) {
  // One positive and one negative patch in the corners of a window over the middle of a wide film.
  const std::vector<float> values{2, 0, 0, -2};
  const ColourImage picture = heat_overlay(grey(400, 200), {values, 2, {0, 0.25, 1, 0.5}});
  EXPECT_EQ(picture.height, 200);
  EXPECT_GT(picture.width, 400) << "a scale stands beside the film";
  const Rgb positive = at(picture, 20, 120), negative = at(picture, 180, 280);
  EXPECT_GT(positive.red, positive.blue + 60);
  EXPECT_GT(negative.blue, negative.red + 60);
  for (const int x : {10, 90, 310, 390}) EXPECT_TRUE(is_grey(at(picture, 20, x))) << x;
  EXPECT_EQ(at(picture, 20, 10).red, 100) << "the film keeps its grey outside the window";
}

TEST(HeatOverlay, ZeroLeavesTheFilmAlone) {
  const std::vector<float> values(9, 0.0F);
  const GrayImage film = test::textured(120, 100);
  const ColourImage picture = heat_overlay(film, {values, 3, {-0.1, -0.1, 1.2, 1.2}});  // a letterbox: no frame inside
  for (int y = 0; y < film.height; ++y)
    for (int x = 0; x < film.width; ++x) ASSERT_EQ(at(picture, y, x).green, film.at(y, x));
}

TEST(HeatOverlay, AFixedScaleMakesPicturesComparable) {
  const std::vector<float> values{1, 1, 1, 1};
  const Rgb full = at(heat_overlay(grey(60, 60), {values, 2, {}, 1}), 30, 30);
  const Rgb weak = at(heat_overlay(grey(60, 60), {values, 2, {}, 10}), 30, 30);
  EXPECT_GT(full.red - full.blue, 5 * (weak.red - weak.blue));
  EXPECT_GT(weak.red, weak.blue);
}

TEST(HeatOverlay, RefusesWhatIsNoMap) {
  const std::vector<float> values{1, 2, 3}, broken{1, 2, 3, NAN};
  EXPECT_THROW(heat_overlay(grey(60, 60), {values, 2, {}}), Failure);
  EXPECT_THROW(heat_overlay(grey(60, 60), {broken, 2, {}}), Failure);
  EXPECT_THROW(heat_overlay({}, {std::span(broken).first(1), 1, {}}), Failure);
  EXPECT_THROW(heat_overlay(grey(60, 60), {std::span(broken).first(1), 1, {0, 0, 0, 1}}), Failure);
}

TEST(HeatOverlay, IsAPng) {
  const std::vector<float> values{1, -1, 1, -1};
  const std::vector<std::byte> png = encode_png(heat_overlay(grey(40, 40), {values, 2, {}}));
  ASSERT_GT(png.size(), 8u);
  EXPECT_EQ(png[1], std::byte('P'));
}

}  // namespace
}  // namespace chexworld
