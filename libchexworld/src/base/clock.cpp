// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>
#include <thread>

namespace chexworld {
namespace {

class SystemClock final : public Clock {
 public:
  WallTime wall() const override { return std::chrono::system_clock::now(); }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  void sleep_for(Duration duration) override { std::this_thread::sleep_for(duration); }
};

}  // namespace

Clock& Clock::system() {
  static SystemClock clock;
  return clock;
}

Clock::WallTime ManualClock::wall() const {
  const std::lock_guard lock(mutex_);
  return start_ + std::chrono::duration_cast<WallTime::duration>(elapsed_);
}

Clock::SteadyTime ManualClock::steady() const {
  const std::lock_guard lock(mutex_);
  return SteadyTime{} + std::chrono::duration_cast<SteadyTime::duration>(elapsed_);
}

void ManualClock::advance(Duration duration) {
  const std::lock_guard lock(mutex_);
  elapsed_ += duration;
}

std::string iso8601_utc(Clock::WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[sizeof "2026-03-01T12:34:56Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace chexworld
