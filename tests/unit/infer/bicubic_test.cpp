// SPDX-License-Identifier: Apache-2.0
#include "infer/bicubic.h"

#include <gtest/gtest.h>

namespace chexworld {
namespace {

TEST(Bicubic, TheSameSizeChangesNothing) {
  const std::vector<float> table{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
  EXPECT_EQ(resize_table(table, 3, 3), table);
  EXPECT_EQ(resize_planes(table, 3, 3), table);
}

TEST(Bicubic, AConstantStaysConstant) {
  for (const float value : resize_planes(std::vector<float>(2 * 25, 3.0F), 5, 8)) EXPECT_NEAR(value, 3, 1e-5);
}

TEST(Bicubic, DoublingHasTheWeightsOfTheFormula) {
  // Position 0.25 of 4 samples: taps at -1 (edge), 0, 1, 2 with a = -0.75.
  std::vector<float> plane(16, 0.0F);
  for (std::size_t row = 0; row < 4; ++row) plane[row * 4 + 1] = 1;  // only column 1
  const auto resized = resize_planes(plane, 4, 8);
  const double t = 0.75, expected = (1.25 * t - 2.25) * t * t + 1;  // |x| = 0.75 from column 1
  EXPECT_NEAR(resized[1], expected, 1e-6);
  EXPECT_EQ(resized.size(), 64U);
}

TEST(Bicubic, ATableIsItsChannelsAsPlanes) {
  std::vector<float> table, planes(2 * 9);
  for (std::size_t i = 0; i < 18; ++i) table.push_back(float(i * i % 11));
  for (std::size_t i = 0; i < 18; ++i) planes[i % 2 * 9 + i / 2] = table[i];
  const auto as_table = resize_table(table, 3, 4), as_planes = resize_planes(planes, 3, 4);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(as_table[i], as_planes[i % 2 * 16 + i / 2]);
}

}  // namespace
}  // namespace chexworld
