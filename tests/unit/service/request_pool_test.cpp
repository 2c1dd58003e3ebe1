// SPDX-License-Identifier: Apache-2.0
#include "service/request_pool.h"

#include <atomic>
#include <future>
#include <gtest/gtest.h>

namespace chexworld {
namespace {

TEST(RequestPool, RunsEverythingItAccepted) {
  std::atomic<int> done = 0;
  {
    RequestPool pool(3, 1000);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(pool.try_post([&] { ++done; }));
  }
  EXPECT_EQ(done, 500);
}

TEST(RequestPool, RefusesMoreThanMayWait) {
  std::promise<void> go_on;
  std::promise<void> started;
  RequestPool pool(1, 2);
  ASSERT_TRUE(pool.try_post([&] {
    started.set_value();
    go_on.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.try_post([] {}));
  EXPECT_TRUE(pool.try_post([] {}));
  EXPECT_FALSE(pool.try_post([] {}));
  go_on.set_value();
}

}  // namespace
}  // namespace chexworld
