// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace chexworld::test {

struct Finished {
  int exit_status = -1;  ///< 128 + signal where it was killed
  std::string output;    ///< standard output and standard error, as they came
};

/// Runs a program to its end; the first word is looked up on the path.
Finished run(const std::vector<std::string>& command);

/// A server that runs beside the test: ended with the test, also when the test crashes.
class BackgroundProcess {
 public:
  /// Starts the command with both outputs going to `log`.
  BackgroundProcess(const std::vector<std::string>& command, const std::filesystem::path& log);
  ~BackgroundProcess();
  BackgroundProcess(const BackgroundProcess&) = delete;
  BackgroundProcess& operator=(const BackgroundProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  /// SIGTERM (or `signal`), then waits; returns as Finished::exit_status does.
  int stop(int signal);

 private:
  pid_t pid_ = -1;
  int exit_status_ = -1;
};

/// A port of the loopback interface that nobody listens on now.
int free_port();

/// Calls `ready` every 20 ms until it holds; false when `limit` has passed first.
template <class Condition>
bool wait_until(Condition ready, std::chrono::milliseconds limit);

/// A file's text; empty when it cannot be read.
std::string text_of(const std::filesystem::path& path);

void pause(std::chrono::milliseconds duration);

template <class Condition>
bool wait_until(Condition ready, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!ready()) {
    if (std::chrono::steady_clock::now() > end) return false;
    pause(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace chexworld::test
