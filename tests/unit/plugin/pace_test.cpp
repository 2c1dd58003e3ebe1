// SPDX-License-Identifier: Apache-2.0
#include "orthanc-plugin/pace.h"

#include <gtest/gtest.h>

namespace chexworld::plugin {
namespace {

using namespace std::chrono_literals;

TEST(Pace, HoldsTheRateOverAnyBunching) {
  Pace pace(4);  // per second
  Pace::Time now{};
  now += 1h;
  EXPECT_TRUE(pace.ready(now));
  pace.took(8, now);
  EXPECT_FALSE(pace.ready(now));
  EXPECT_EQ(pace.wait(now), 2000ms);
  EXPECT_EQ(pace.wait(now + 1500ms), 500ms);
  EXPECT_TRUE(pace.ready(now + 2s));
  pace.took(1, now + 2s);
  EXPECT_EQ(pace.wait(now + 2s), 250ms);
}

TEST(Pace, SavesNothingUpWhileIdle) {
  Pace pace(1);
  Pace::Time now{};
  pace.took(1, now + 1h);
  EXPECT_EQ(pace.wait(now + 1h), 1000ms);
}

TEST(Pace, ZeroIsNoLimit) {
  Pace pace(0);
  Pace::Time now{};
  pace.took(1'000'000, now);
  EXPECT_TRUE(pace.ready(now));
  EXPECT_EQ(pace.wait(now), 0ms);
}

TEST(Patience, DoublesUntilTheLongestAndBeginsAgainAfterASuccess) {
  Patience patience(250ms, 1500ms);
  EXPECT_EQ(patience.next(), 250ms);
  EXPECT_EQ(patience.next(), 500ms);
  EXPECT_EQ(patience.next(), 1000ms);
  EXPECT_EQ(patience.next(), 1500ms);
  EXPECT_EQ(patience.next(), 1500ms);
  patience.renew();
  EXPECT_EQ(patience.next(), 250ms);
}

}  // namespace
}  // namespace chexworld::plugin
