// SPDX-License-Identifier: Apache-2.0
#include "phantom/section.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr double kFar = 1e6;  // mm; beyond every body

}  // namespace

Interval common(const Interval& a, const Interval& b) { return {std::max(a.from, b.from), std::min(a.to, b.to)}; }

void Intervals::add(const Interval& interval) {
  if (interval.empty()) return;
  Interval joined = interval;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const bool touches = parts_[i].to >= joined.from && parts_[i].from <= joined.to;
    if (touches)
      joined = {std::min(joined.from, parts_[i].from), std::max(joined.to, parts_[i].to)};
    else
      parts_[kept++] = parts_[i];
  }
  count_ = kept;
  if (count_ < kCapacity) parts_[count_++] = joined;
}

void Intervals::remove(const Interval& interval) {
  if (interval.empty()) return;
  const std::size_t before = count_;
  std::array<Interval, kCapacity> old = parts_;
  count_ = 0;
  for (std::size_t i = 0; i < before; ++i) {
    const Interval left = common(old[i], {-kFar, interval.from}), right = common(old[i], {interval.to, kFar});
    if (!left.empty() && count_ < kCapacity) parts_[count_++] = left;
    if (!right.empty() && count_ < kCapacity) parts_[count_++] = right;
  }
}

void Intervals::keep(const Interval& interval) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Interval part = common(parts_[i], interval);
    if (!part.empty()) parts_[kept++] = part;
  }
  count_ = kept;
}

double Intervals::length() const {
  double sum = 0;
  for (std::size_t i = 0; i < count_; ++i) sum += parts_[i].length();
  return sum;
}

bool Ellipse::contains(double px, double py) const {
  if (empty()) return false;
  const double u = (px - x) / a, v = (py - y) / b;
  return u * u + v * v < 1;
}

// |(p + t d)| = 1 in the ellipse's own units: a quadratic in t.
Interval crossed(const Ray& ray, const Ellipse& ellipse) {
  if (ellipse.empty()) return {};
  const double px = (ray.x - ellipse.x) / ellipse.a, py = (ray.y - ellipse.y) / ellipse.b;
  const double dx = ray.dx / ellipse.a, dy = ray.dy / ellipse.b;
  const double dd = dx * dx + dy * dy, pd = px * dx + py * dy, pp = px * px + py * py;
  const double discriminant = pd * pd - dd * (pp - 1);
  if (discriminant <= 0) return {};
  const double root = std::sqrt(discriminant);
  return {(-pd - root) / dd, (-pd + root) / dd};
}

Interval on_side(const Ray& ray, int side) {
  const double x = ray.x * side, dx = ray.dx * side;  // wanted: x + t dx > 0
  if (std::abs(dx) < 1e-9) return x > 0 ? Interval{-kFar, kFar} : Interval{};
  return dx > 0 ? Interval{-x / dx, kFar} : Interval{-kFar, -x / dx};
}

}  // namespace chexworld::phantom
