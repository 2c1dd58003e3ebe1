// SPDX-License-Identifier: Apache-2.0
#include "pipeline/batching.h"

#include <bit>
#include <gtest/gtest.h>

namespace chexworld {
namespace {

TEST(Batching, NothingToDoNothingTaken) { EXPECT_EQ(batch_size({.prepared = 0, .budget_over = true}), 0); }

TEST(Batching, WaitsForOthersUntilTheBudgetIsOver) {
  EXPECT_EQ(batch_size({.prepared = 5, .largest = 8}), 0);
  EXPECT_EQ(batch_size({.prepared = 5, .largest = 8, .budget_over = true}), 4);
}

TEST(Batching, AFullBatchWaitsForNobody) {
  EXPECT_EQ(batch_size({.prepared = 8, .largest = 8}), 8);
  EXPECT_EQ(batch_size({.prepared = 30, .largest = 8}), 8);
}

TEST(Batching, IdleStreamsShare) {
  EXPECT_EQ(batch_size({.prepared = 8, .idle_streams = 2, .largest = 8}), 4);
  EXPECT_EQ(batch_size({.prepared = 2, .idle_streams = 2, .largest = 8, .budget_over = true}), 1);
}

TEST(Batching, OnlyPowersOfTwoAndTheLargestOccur) {
  for (std::size_t prepared = 1; prepared < 40; ++prepared) {
    for (const int idle : {1, 2, 3}) {
      const std::int64_t size =
          batch_size({.prepared = prepared, .idle_streams = idle, .largest = 6, .budget_over = true});
      EXPECT_TRUE(size == 6 || std::has_single_bit(std::uint64_t(size))) << prepared << " " << idle;
      EXPECT_GE(size, 1);
      EXPECT_LE(std::size_t(size), prepared);
    }
  }
}

}  // namespace
}  // namespace chexworld
