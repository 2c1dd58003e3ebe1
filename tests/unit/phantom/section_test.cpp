// SPDX-License-Identifier: Apache-2.0
#include "phantom/section.h"
#include "phantom/solids.h"
#include "views/random.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace chexworld::phantom {
namespace {

// Cutting and joining compared with doing the same on a row of small cells.
TEST(Intervals, AgreeWithCells) {
  constexpr int kCells = 400;
  StreamRandom random({3, 0, 0, RandomPurpose::kOther});
  for (int round = 0; round < 200; ++round) {
    Intervals intervals;
    std::vector<bool> cells(kCells, false);
    for (int step = 0; step < 8; ++step) {
      const int from = int(random.below(kCells)), to = from + int(random.below(120));
      const int kind = step < 3 ? 0 : int(random.below(3));
      const Interval interval{double(from), double(to)};
      if (kind == 0) intervals.add(interval);
      if (kind == 1) intervals.remove(interval);
      if (kind == 2) intervals.keep(interval);
      for (int i = 0; i < kCells; ++i) {
        const bool in = i >= from && i < to;
        if (kind == 0) cells[std::size_t(i)] = cells[std::size_t(i)] || in;
        if (kind == 1) cells[std::size_t(i)] = cells[std::size_t(i)] && !in;
        if (kind == 2) cells[std::size_t(i)] = cells[std::size_t(i)] && in;
      }
    }
    Intervals inside = intervals;
    inside.keep({0, kCells});
    EXPECT_DOUBLE_EQ(inside.length(), double(std::count(cells.begin(), cells.end(), true))) << "round " << round;
  }
}

TEST(Ellipse, CrossedAsLongAsItIs) {
  const Ellipse ellipse{10, -5, 30, 20};
  const double speed = std::hypot(0.6, 0.8);
  EXPECT_DOUBLE_EQ(crossed({10, 0, 0, 1}, ellipse).length(), 40);  // through the centre, along y
  EXPECT_DOUBLE_EQ(crossed({0, -5, 1, 0}, ellipse).length(), 60);
  EXPECT_TRUE(crossed({41, 0, 0, 1}, ellipse).empty());
  const Interval slant = crossed({10, -5, 0.6, 0.8}, ellipse);
  EXPECT_NEAR(slant.length() * speed, 2 / std::hypot(0.6 / 30, 0.8 / 20), 1e-9);
  EXPECT_TRUE(ellipse.contains(39, -5));
  EXPECT_FALSE(ellipse.contains(41, -5));
}

TEST(Ellipse, SideOfTheMidline) {
  EXPECT_FALSE(on_side({5, 0, 0, 1}, 1).empty());
  EXPECT_TRUE(on_side({5, 0, 0, 1}, -1).empty());
  const Interval left = on_side({-50, 0, 1, 0}, 1);
  EXPECT_DOUBLE_EQ(left.from, 50);
}

TEST(Solids, LoftPassesItsStationsAndEndsRound) {
  const Loft loft({{0, {0, 0, 0, 0}}, {10, {4, 2, 8, 6}}, {30, {6, 0, 10, 9}}, {40, {6, 0, 0, 0}}});
  EXPECT_DOUBLE_EQ(loft.at(10).a, 8);
  EXPECT_DOUBLE_EQ(loft.at(10).x, 4);
  EXPECT_DOUBLE_EQ(loft.at(30).b, 9);
  EXPECT_TRUE(loft.at(-0.1).empty());
  EXPECT_TRUE(loft.at(41).empty());
  for (double z = 10; z < 30; z += 0.5) {  // no overshoot
    EXPECT_GE(loft.at(z).a, 8 - 1e-9);
    EXPECT_LE(loft.at(z).a, 10 + 1e-9);
  }
  EXPECT_GT(loft.at(39).a, 2);  // steep at the very end: round, not pointed
}

TEST(Solids, DomeAndBowl) {
  const Dome dome{{0, 0, 50}, 20, 10, 30, 2}, bowl{{0, 0, 10}, 20, 10, -30, 2};
  EXPECT_TRUE(dome.at(51).empty());
  EXPECT_DOUBLE_EQ(dome.at(20).a, 20);
  EXPECT_TRUE(bowl.at(9).empty());
  EXPECT_DOUBLE_EQ(bowl.at(40).b, 10);
}

}  // namespace
}  // namespace chexworld::phantom
