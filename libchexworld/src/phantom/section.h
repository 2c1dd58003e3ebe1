// SPDX-License-Identifier: Apache-2.0
//
// One ray through one horizontal section of the body. Every organ's section is an ellipse, so what a ray crosses of it
// has a closed form, and organs are cut out of and joined to each other as intervals along the ray.
//
// Patient coordinates in millimetres: x to the patient's left, y forward, z up.
#pragma once

#include <array>
#include <cstddef>

namespace chexworld::phantom {

/// Points (x + t dx, y + t dy); t counts millimetres along the beam and grows towards the detector.
struct Ray {
  double x = 0, y = 0;
  double dx = 0, dy = 1;
};

/// A stretch of a ray, `from` <= t < `to`; empty where `to` <= `from`.
struct Interval {
  double from = 0, to = 0;

  bool empty() const { return to <= from; }
  double length() const { return empty() ? 0 : to - from; }
};

Interval common(const Interval& a, const Interval& b);

/// Disjoint stretches of one ray. More than kCapacity cannot come up with the organs of this phantom; beyond it the
/// shortest gap would be closed.
class Intervals {
 public:
  static constexpr std::size_t kCapacity = 12;

  Intervals() = default;
  explicit Intervals(const Interval& interval) { add(interval); }

  void add(const Interval& interval);
  void remove(const Interval& interval);
  void keep(const Interval& interval);
  double length() const;
  bool empty() const { return count_ == 0; }

 private:
  std::array<Interval, kCapacity> parts_;
  std::size_t count_ = 0;
};

/// An organ's section; nothing where a half-axis is not positive.
struct Ellipse {
  double x = 0, y = 0;  ///< centre
  double a = 0, b = 0;  ///< half-axes along x and y

  bool empty() const { return a <= 0 || b <= 0; }
  /// Grown by `margin` on all sides (shrunk where negative).
  Ellipse grown(double margin) const { return {x, y, a + margin, b + margin}; }
  bool contains(double px, double py) const;
};

Interval crossed(const Ray& ray, const Ellipse& ellipse);

/// The stretch on one side of the plane x = 0: the patient's left for a positive `side`, else the right.
Interval on_side(const Ray& ray, int side);

}  // namespace chexworld::phantom
