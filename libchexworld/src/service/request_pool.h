// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace chexworld {

/// Threads for handlers that block (databases, files), so that those that move bytes do not. Thread safe.
class RequestPool {
 public:
  RequestPool(int threads, std::size_t most_waiting);
  /// Runs what was accepted, then joins.
  ~RequestPool();

  /// False when `most_waiting` tasks are waiting already, or it is ending. `task` must not throw.
  bool try_post(std::function<void()> task);

 private:
  void work();

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_
  bool ending_ = false;                        // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace chexworld
