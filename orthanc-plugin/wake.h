// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace chexworld::plugin {

/// Lets a thread sleep until there is something to do. Thread safe.
class Wake {
 public:
  void now() {
    const std::scoped_lock lock(mutex_);
    called_ = true;
    changed_.notify_all();
  }

  /// Returns when called, when stopping, or after `limit`; whether it was called.
  bool wait(const std::stop_token& stop, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, limit, [&] { return called_; });
    return std::exchange(called_, false);
  }

  /// Sleeps for `limit`, or until stopping; calls are kept for later.
  void rest(const std::stop_token& stop, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, limit, [] { return false; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool called_ = false;  // guarded by mutex_
};

}  // namespace chexworld::plugin
