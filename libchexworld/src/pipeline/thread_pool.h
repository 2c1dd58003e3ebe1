// SPDX-License-Identifier: Apache-2.0
//
// Where a pipeline without a host's executor runs.
#pragma once

#include <chexworld/pipeline.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace chexworld {

/// Threads that run tasks in the order they were posted. Tasks not begun when it is destroyed are dropped.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void post(std::function<void()> task) override;
  void post_after(std::chrono::nanoseconds delay, std::function<void()> task) override;

 private:
  using Moment = std::chrono::steady_clock::time_point;

  void work();
  void collect_due();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> ready_;             // guarded by mutex_
  std::multimap<Moment, std::function<void()>> later_;  // guarded by mutex_
  bool stopping_ = false;                               // guarded by mutex_
  std::vector<std::thread> threads_;
};

/// No threads at all: whoever waits for something runs the tasks.
class CallerExecutor final : public Executor {
 public:
  void post(std::function<void()> task) override;

  /// Runs tasks, also those of other callers, until `done`; sleeps while there are none. `done` may change only by
  /// tasks. From within a task: returns at once.
  void run_until(const std::function<bool()>& done);

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
};

}  // namespace chexworld
