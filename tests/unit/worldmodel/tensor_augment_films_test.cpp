// SPDX-License-Identifier: Apache-2.0
//
// The difference between the two paths on real radiographs; docs/augmentation.md quotes what this prints.
#include "image/png.h"
#include "path_difference.h"
#include "support/test_data.h"

#include <gtest/gtest.h>
#include <iostream>

namespace chexworld {
namespace {

constexpr std::size_t kFilms = 48;

std::vector<GrayImage> some_films() {
  const auto rows = test::read_csv(test::data_dir() / "cxr" / "manifest.csv");
  const std::size_t step = std::max<std::size_t>(1, rows.size() / kFilms);
  std::vector<GrayImage> films;
  for (std::size_t i = 0; i < rows.size(); i += step)
    films.push_back(read_picture(test::data_dir() / "cxr" / rows[i].at("file")));
  test::report_coverage("radiographs", films.size(), rows.size());
  return films;
}

TEST(TensorAugmentOnFilms, StaysWithinAGrayLevelOfTheEightBitPath) {
  if (!test::have_data()) GTEST_SKIP() << "no radiographs here (CHEXWORLD_DATA_DIR)";
  const auto difference = test::difference_of_paths(some_films(), {}, 2025, at::kCPU);
  std::cout << difference.pixels() << " pixels: mean " << difference.mean() << ", largest " << difference.largest()
            << " grey levels; share that differs " << difference.share_above(0) << ", by more than one "
            << difference.share_above(1) << "\n";
  EXPECT_LT(difference.mean(), 0.01);
  EXPECT_LE(difference.largest(), 3);
  EXPECT_LT(difference.share_above(1), 1e-4);
}

}  // namespace
}  // namespace chexworld
