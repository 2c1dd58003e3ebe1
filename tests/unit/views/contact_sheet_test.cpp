// SPDX-License-Identifier: Apache-2.0
#include "views/contact_sheet.h"

#include "base/failure.h"

#include <gtest/gtest.h>

namespace chexworld {
namespace {

constexpr int kSize = 28;
constexpr int kStep = kSize + 6;  // from one tile to the next

std::uint8_t pixel_of(const GrayImage& sheet, int row, int column, int y, int x) {
  return sheet.at(6 + row * kStep + y, 6 + column * kStep + x);
}

TEST(ContactSheet, ShowsViewsContextsAndPatchesWhereTheyBelong) {
  const GrayImage film{60, 40, std::vector<std::uint8_t>(2400, 100)};
  DualViewPlan plan;
  plan.film_width = 60;
  plan.views[0] = {true, {0, 0, 20, 20}, {1.5F, 1, 1, 0, 0}};
  plan.views[1] = {false, {10, 10, 20, 20}, {}};
  const SampleMasks first{{{0}}, {{15}}};
  const SampleMasks second{{{5}}, {{10}}};
  const GrayImage sheet = contact_sheet(film, plan, kSize, {first, second}, {4, 4});
  EXPECT_EQ(sheet.width, 5 * kStep + 6);
  EXPECT_EQ(sheet.height, 2 * kStep + 6);
  EXPECT_EQ(pixel_of(sheet, 0, 1, 9, 9), 100);    // the view
  EXPECT_EQ(pixel_of(sheet, 0, 2, 9, 9), 150);    // its brighter context
  EXPECT_EQ(pixel_of(sheet, 0, 3, 3, 3), 150);    // patch 0 is seen
  EXPECT_EQ(pixel_of(sheet, 0, 3, 27, 27), 24);   // patch 15 is not
  EXPECT_EQ(pixel_of(sheet, 0, 4, 27, 27), 100);  // but has to be predicted, as it is in the view
  EXPECT_EQ(pixel_of(sheet, 1, 3, 10, 10), 100);  // patch 5 of the second view
  EXPECT_EQ(pixel_of(sheet, 1, 4, 10, 10), 24);
  EXPECT_EQ(pixel_of(sheet, 0, 0, 5, 27), 255);  // mirrored: the crop's outline reaches the film's right end
}

TEST(ContactSheet, RefusesPatchesOutsideTheGrid) {
  DualViewPlan plan;
  plan.film_width = 8;
  plan.views[0].crop = plan.views[1].crop = {0, 0, 8, 8};
  const SampleMasks masks{{{16}}, {{0}}};
  EXPECT_THROW(contact_sheet({8, 8, std::vector<std::uint8_t>(64)}, plan, 8, {masks, masks}, {4, 4}), Failure);
}

}  // namespace
}  // namespace chexworld
