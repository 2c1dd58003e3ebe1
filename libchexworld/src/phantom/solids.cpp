// SPDX-License-Identifier: Apache-2.0
#include "phantom/solids.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace chexworld::phantom {

double dot(const Point& a, const Point& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

double norm(const Point& p) { return std::sqrt(dot(p, p)); }

Point normalised(const Point& p) {
  const double length = norm(p);
  return length > 0 ? 1 / length * p : Point{0, 0, 1};
}

Point cross(const Point& a, const Point& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

Profile::Profile(std::vector<double> z, std::vector<double> values)
    : z_(std::move(z)), values_(std::move(values)), slopes_(z_.size(), 0) {
  // The harmonic mean of neighbouring secants where both have the same sign: never beyond the knots.
  for (std::size_t i = 1; i + 1 < z_.size(); ++i) {
    const double before = (values_[i] - values_[i - 1]) / (z_[i] - z_[i - 1]);
    const double after = (values_[i + 1] - values_[i]) / (z_[i + 1] - z_[i]);
    slopes_[i] = before * after > 0 ? 2 * before * after / (before + after) : 0;
  }
  if (z_.size() < 2) return;
  const auto end_slope = [this](std::size_t from, std::size_t to) {
    return (values_[to] - values_[from]) / (z_[to] - z_[from]);
  };
  slopes_.front() = end_slope(0, 1);
  slopes_.back() = end_slope(z_.size() - 2, z_.size() - 1);
}

double Profile::at(double z) const {
  if (z <= z_.front()) return values_.front();
  if (z >= z_.back()) return values_.back();
  const auto above = std::upper_bound(z_.begin(), z_.end(), z);
  const auto i = std::size_t(above - z_.begin()) - 1;
  const double width = z_[i + 1] - z_[i], t = (z - z_[i]) / width;
  const double s = 1 - t;  // Hermite's cubics
  return values_[i] * s * s * (1 + 2 * t) + values_[i + 1] * t * t * (3 - 2 * t) +
         width * (slopes_[i] * t * s * s - slopes_[i + 1] * t * t * s);
}

namespace {

template <class Value>
Profile profile_of(const std::vector<Station>& stations, Value value) {
  std::vector<double> z, values;
  for (const Station& station : stations) {
    z.push_back(station.z);
    values.push_back(value(station.section));
  }
  return {std::move(z), std::move(values)};
}

double mean_depth(const std::vector<Station>& stations) {
  double sum = 0;
  for (const Station& station : stations) sum += station.section.y;
  return sum / double(stations.size());
}

}  // namespace

Loft::Loft(const std::vector<Station>& stations)
    : bottom_(stations.front().z),
      top_(stations.back().z),
      depth_(mean_depth(stations)),
      x_(profile_of(stations, [](const Ellipse& section) { return section.x; })),
      y_(profile_of(stations, [](const Ellipse& section) { return section.y; })),
      aa_(profile_of(stations, [](const Ellipse& section) { return section.a * section.a; })),
      bb_(profile_of(stations, [](const Ellipse& section) { return section.b * section.b; })) {}

Ellipse Loft::at(double z) const {
  if (z < bottom_ || z > top_) return {};
  return {x_.at(z), y_.at(z), std::sqrt(std::max(aa_.at(z), 0.0)), std::sqrt(std::max(bb_.at(z), 0.0))};
}

Ellipse Ellipsoid::at(double z) const {
  const double h = (z - centre.z) / c;
  if (h * h >= 1) return {};
  const double scale = std::sqrt(1 - h * h);
  return {centre.x, centre.y, a * scale, b * scale};
}

Ellipse Dome::at(double z) const {
  const double inside = (vertex.z - z) / height;
  if (inside <= 0) return {};
  const double scale = std::pow(inside, 1 / power);
  return {vertex.x, vertex.y, a * scale, b * scale};
}

}  // namespace chexworld::phantom
