// SPDX-License-Identifier: Apache-2.0
#include "image/region_mask.h"

#include "base/failure.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::Each;
using testing::ElementsAre;

GrayImage rectangle(int height, int width, const PixelRect& rect) {
  GrayImage mask{width, height, std::vector<std::uint8_t>(std::size_t(height) * std::size_t(width))};
  for (int y = rect.top; y < rect.top + rect.height; ++y)
    for (int x = rect.left; x < rect.left + rect.width; ++x) mask.at(y, x) = 255;
  return mask;
}

TEST(RegionMask, OverlapOfKnownRectangles) {
  const GrayImage a = rectangle(10, 20, {0, 0, 10, 10}), b = rectangle(10, 20, {0, 5, 10, 10});
  EXPECT_DOUBLE_EQ(overlap(a, b).dice, 0.5);
  EXPECT_DOUBLE_EQ(overlap(a, b).iou, 1.0 / 3);
  EXPECT_DOUBLE_EQ(overlap(a, a).iou, 1);
  const GrayImage none = rectangle(10, 20, {0, 0, 0, 0});
  EXPECT_DOUBLE_EQ(overlap(none, none).dice, 1);
  EXPECT_DOUBLE_EQ(overlap(none, a).dice, 0);
  EXPECT_THROW(overlap(a, rectangle(20, 10, {0, 0, 1, 1})), Failure);
}

TEST(RegionMask, ZeroAndOneSayTheSameAsZeroAnd255) {
  EXPECT_THAT(binary_mask({3, 1, {0, 1, 0}}).pixels, ElementsAre(0, 255, 0));
  EXPECT_THAT(binary_mask({3, 1, {0, 200, 90}}).pixels, ElementsAre(0, 255, 0));
  EXPECT_TRUE(is_empty(binary_mask({3, 1, {0, 0, 0}})));
}

/// A mask that goes into the network's letterbox comes back to its place on the film.
TEST(RegionMask, ComesBackFromTheLetterbox) {
  PreparationRecipe recipe;
  recipe.fit = PreparationRecipe::Fit::kLetterbox;
  recipe.size = {64, 64};
  const GrayImage mask = rectangle(150, 100, {30, 20, 60, 40});
  const GrayImage view = fitted_view(mask, recipe);
  FloatImage square{64, 64, {view.pixels.begin(), view.pixels.end()}};
  const GrayImage back = mask_from(on_film(square, view_window(mask, recipe), {150, 100}), 127.5F);
  EXPECT_GT(overlap(back, mask).dice, 0.97);
}

TEST(RegionMask, OutsideTheSquareNothingIsKnown) {
  const FloatImage square{2, 2, {1, 1, 1, 1}};
  const FloatImage values = on_film(square, {0, 0.5, 1, 0.5}, {1, 4}, -1);
  EXPECT_THAT(values.pixels, ElementsAre(-1, -1, 1, 1));
  EXPECT_THAT(on_film(square, {}, {3, 3}).pixels, Each(1));
}

TEST(RegionMask, OverlayColoursTheRegionOnly) {
  const GrayImage film = rectangle(20, 20, {0, 0, 0, 0}), region = rectangle(20, 20, {5, 5, 10, 10});
  const ColourImage picture = region_overlay(film, region, &film);
  const auto at = [&](int y, int x) { return &picture.pixels[3 * (std::size_t(y) * 20 + std::size_t(x))]; };
  EXPECT_EQ(at(0, 0)[0], 0);
  EXPECT_GT(at(5, 5)[0], 200) << "its outline";
  EXPECT_GT(at(10, 10)[0], at(10, 10)[2]);
}

}  // namespace
}  // namespace chexworld::test
