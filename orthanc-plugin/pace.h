// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

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

/// Pauses between attempts that fail: each twice as long as the one before, up to the longest. Not thread safe.
class Patience {
 public:
  Patience(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(first), longest_(longest), next_(first) {}

  std::chrono::milliseconds next() { return std::exchange(next_, std::min(2 * next_, longest_)); }
  /// After a success: begins with the first again.
  void renew() { next_ = first_; }

 private:
  const std::chrono::milliseconds first_, longest_;
  std::chrono::milliseconds next_;
};

}  // namespace chexworld::plugin
