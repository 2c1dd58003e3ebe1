// SPDX-License-Identifier: Apache-2.0
//
// What long commands show and how they are stopped.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace chexworld::cli {

/// On a terminal one line that is drawn over, with rate and time left; elsewhere a plain line every ten seconds.
/// Everything goes to standard error. Not thread safe.
class ProgressLine {
 public:
  /// `unit` in the plural: "films".
  explicit ProgressLine(std::string unit);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// `total` 0: not known. `detail` stands at the end.
  void show(std::int64_t done, std::int64_t total, const std::string& detail = "");
  /// Ends the line, so that other text can follow.
  void finish();

 private:
  using Time = std::chrono::steady_clock::time_point;

  std::string unit_;
  bool terminal_;
  bool open_ = false;
  std::int64_t first_ = -1;  // done at the first call: what a restart found does not count for the rate
  Time start_, shown_{};
};

/// "1 h 02 min", "3 min 05 s", "12 s"
std::string duration_text(std::chrono::seconds duration);

/// From now on SIGINT and SIGTERM only set a flag; one more, at least two seconds later, ends the program as usual.
void catch_interrupts();
bool interrupted();

}  // namespace chexworld::cli
