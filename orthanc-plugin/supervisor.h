// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keeps one worker process running: started with us, dies with us, started again when it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace chexworld::plugin {

struct SupervisorOptions {
  std::vector<std::string> command;  ///< program, looked up on the path, and its arguments
  std::filesystem::path lock_file;   ///< held by the worker: a second one for the same folder waits
  /// A worker whose file this was goes on with what nobody can see any more: once it is gone, the worker is started
  /// anew. Empty: none.
  std::filesystem::path needed_file;
  std::chrono::milliseconds look_every{1'000};  ///< for that file
  int nice = 0;                                 ///< 0 to 19: how far the worker steps back when processors are short
  std::chrono::milliseconds drain_timeout{30'000};
  std::chrono::milliseconds first_pause{500};  ///< before it is started again; doubled each time
  std::chrono::milliseconds longest_pause{30'000};
  std::chrono::milliseconds healthy_after{60'000};  ///< a run of this length begins with the first pause again
};

struct SupervisorState {
  int process = 0;  ///< id; 0: none now
  std::uint64_t restarts = 0;
  std::string last_end;  ///< how the last one ended; empty: none has
};

/// Thread safe. What the worker prints goes to our log, line by line.
class Supervisor {
 public:
  /// Throws Failure where the lock file's folder cannot be made.
  explicit Supervisor(SupervisorOptions options);
  ~Supervisor();

  SupervisorState state() const;
  /// Asks the worker to finish (SIGTERM), kills it after the drain timeout, and returns once it is gone.
  void stop();

 private:
  void run(const std::stop_token& stop);
  /// From start to end; false where it could not be started.
  void run_once(const std::stop_token& stop);
  void watch(int process_descriptor, int output, const std::stop_token& stop);
  void ended(int status);

  const SupervisorOptions options_;
  int stop_signal_;  // an eventfd
  mutable std::mutex mutex_;
  SupervisorState state_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace chexworld::plugin
