// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>

namespace chexworld::plugin {

/// Holds a rate: after n things, the next may come n / rate later. Not thread safe; the caller brings the time.
class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Things per second; 0: no limit.
  explicit Pace(double per_second) : per_second_(per_second) {}

  bool limited() const { return per_second_ > 0; }
  bool ready(Time now) const { return !limited() || now >= next_; }
  /// Until ready; zero when it is.
  std::chrono::milliseconds wait(Time now) const;
  void took(std::size_t things, Time now);

 private:
  const double per_second_;
  Time next_{};
};

}  // namespace chexworld::plugin
