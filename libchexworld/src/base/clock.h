// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace chexworld {

/// Where code takes its time from, so that tests need not wait. Thread safe.
class Clock {
 public:
  using Duration = std::chrono::nanoseconds;
  using WallTime = std::chrono::system_clock::time_point;
  using SteadyTime = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;      ///< for records
  virtual SteadyTime steady() const = 0;  ///< for durations
  virtual void sleep_for(Duration duration) = 0;

  /// The operating system's clock; lives as long as the program.
  static Clock& system();
};

/// A clock that stands still until told otherwise; sleeping moves it on at once.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime{}) : start_(start) {}

  WallTime wall() const override;
  SteadyTime steady() const override;
  void sleep_for(Duration duration) override { advance(duration); }
  void advance(Duration duration);

 private:
  const WallTime start_;
  mutable std::mutex mutex_;
  Duration elapsed_{};  // guarded by mutex_
};

/// "2026-03-01T12:34:56Z"
std::string iso8601_utc(Clock::WallTime time);

}  // namespace chexworld
