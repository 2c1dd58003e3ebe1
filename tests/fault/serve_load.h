// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/worker_models.h"
#include "support/worker_server.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace chexworld::test {

/// A number from the environment, for longer runs.
std::uint64_t setting(const char* name, std::uint64_t fallback);

/// Clients that post without pause, each on a connection of its own, until stopped.
class Load {
 public:
  /// Called in a client's thread with a number that is never repeated; answers whether to go on.
  using Step = std::function<bool(HttpClient&, int)>;

  Load(const WorkerServer& server, int clients, Step step);
  ~Load() { stop(); }
  void stop();
  int steps() const { return next_; }

 private:
  std::atomic<bool> stopping_ = false;
  std::atomic<int> next_ = 0;
  std::vector<std::thread> threads_;
};

/// What clients were told, to be compared with what there is.
class Told {
 public:
  void acknowledge(int film);
  void complain(const std::string& what);
  std::set<int> acknowledged() const;
  std::vector<std::string> complaints() const;

 private:
  mutable std::mutex mutex_;
  std::set<int> acknowledged_;
  std::vector<std::string> complaints_;
};

}  // namespace chexworld::test
