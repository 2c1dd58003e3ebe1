// SPDX-License-Identifier: Apache-2.0
#include "pipeline/thread_pool.h"

#include "stand_ins.h"

#include <atomic>
#include <gtest/gtest.h>
#include <set>

namespace chexworld::test {
namespace {

TEST(ThreadPool, TasksRunAtTheSameTimeOnDifferentThreads) {
  Door door;
  std::atomic<int> done = 0;
  {
    ThreadPool pool(3);
    for (int i = 0; i < 3; ++i) {
      pool.post([&] {
        door.wait();
        ++done;
      });
    }
    door.wait_for_visitors(3);
    door.open();
    while (done < 3) std::this_thread::yield();
  }
  EXPECT_EQ(done, 3);
}

TEST(ThreadPool, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  Door last;
  ThreadPool pool(1);
  for (int i = 0; i < 100; ++i) pool.post([&order, i] { order.push_back(i); });
  pool.post([&] { last.open(); });
  last.wait();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[std::size_t(i)], i);
}

TEST(ThreadPool, ATimerRunsWhileTheThreadThatSetItIsBusy) {
  Door busy, fired;
  ThreadPool pool(2);
  pool.post([&] {
    pool.post_after(std::chrono::milliseconds(1), [&] { fired.open(); });
    busy.wait();
  });
  fired.wait();
  busy.open();
}

TEST(ThreadPool, DestructionDropsWhatHasNotBegun) {
  std::atomic<int> ran = 0;
  const auto kept = std::make_shared<int>(0);
  Door door;
  {
    ThreadPool pool(1);
    pool.post([&] { door.wait(); });
    for (int i = 0; i < 10; ++i) {
      pool.post_after(std::chrono::hours(1), [&ran, kept] { ++ran; });
    }
    door.wait_for_visitors(1);
    door.open();
  }
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(CallerExecutor, TheCallerDoesTheWork) {
  CallerExecutor executor;
  bool done = false;
  std::thread::id worker;
  executor.post([&] { executor.post([&] { done = true, worker = std::this_thread::get_id(); }); });
  executor.run_until([&] { return done; });
  EXPECT_EQ(worker, std::this_thread::get_id());
}

TEST(CallerExecutor, ATaskThatWaitsDoesNotRunTasks) {
  CallerExecutor executor;
  bool done = false;
  executor.post([&] {
    executor.post([&] { done = true; });
    executor.run_until([&] { return done; });  // returns at once: the outer call goes on
    EXPECT_FALSE(done);
  });
  executor.run_until([&] { return done; });
}

}  // namespace
}  // namespace chexworld::test
