// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

namespace chexworld {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, StandsStillUntilAdvanced) {
  ManualClock clock(std::chrono::system_clock::from_time_t(1'700'000'000));
  const auto wall = clock.wall();
  const auto steady = clock.steady();
  EXPECT_EQ(clock.wall(), wall);
  clock.sleep_for(1500ms);
  EXPECT_EQ(clock.wall() - wall, 1500ms);
  EXPECT_EQ(clock.steady() - steady, 1500ms);
}

TEST(SystemClock, MovesForward) {
  const auto before = Clock::system().steady();
  Clock::system().sleep_for(1ms);
  EXPECT_GE(Clock::system().steady() - before, 1ms);
}

TEST(Iso8601, IsUtc) {
  EXPECT_EQ(iso8601_utc(std::chrono::system_clock::from_time_t(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(iso8601_utc(std::chrono::system_clock::from_time_t(1'700'000'000)), "2023-11-14T22:13:20Z");
}

}  // namespace
}  // namespace chexworld
