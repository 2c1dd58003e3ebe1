// SPDX-License-Identifier: Apache-2.0
#include "phantom/accessories.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr double kLetter = 11;  // mm high

/// A polyline on a grid of 4 x 6.
std::vector<FilmPoint> pen(const FilmPoint& corner, std::initializer_list<std::pair<double, double>> points,
                           double tilt) {
  std::vector<FilmPoint> line;
  for (const auto& [x, y] : points) {
    const double u = x / 6 * kLetter, v = y / 6 * kLetter;
    line.push_back(
        {corner.u + u * std::cos(tilt) - v * std::sin(tilt), corner.v + u * std::sin(tilt) + v * std::cos(tilt)});
  }
  return line;
}

void add_letter(char letter, const FilmPoint& corner, double tilt, std::vector<FilmLine>& lines) {
  const auto stroke = [&](std::initializer_list<std::pair<double, double>> points) {
    lines.push_back({pen(corner, points, tilt), 1.9, 9});
  };
  if (letter == 'L') return stroke({{0, 6}, {0, 0}, {3.4, 0}});
  stroke({{0, 0}, {0, 6}, {2.4, 6}, {3.3, 5.5}, {3.5, 4.6}, {3.3, 3.6}, {2.4, 3.1}, {0, 3.1}});
  stroke({{1.7, 3.1}, {3.6, 0}});
}

/// Electrodes with leads that hang from them.
void add_monitor(const Body& body, const Beam& beam, RandomSource& random, std::vector<FilmLine>& lines) {
  const double places[3][2] = {{-95, 225}, {92, 228}, {100, 70}};
  for (const auto& place : places) {
    const double x = place[0] + uniform_in(random, {-14, 14}), z = place[1] + uniform_in(random, {-14, 14});
    const Ellipse skin = body.thorax.at(z).grown(25);
    const FilmPoint at = beam.project({x, skin.y + skin.b * 0.8, z});
    lines.push_back({{{at.u - 0.5, at.v}, {at.u + 0.5, at.v}}, 8, 0.35});
    FilmLine lead{{at}, 1.1, 0.7};
    const double swing = uniform_in(random, {-45, 45}), end = uniform_in(random, {-60, -20});
    for (int i = 1; i <= 24; ++i) {
      const double t = i / 24.0;
      lead.points.push_back(
          {at.u + swing * std::sin(1.5 * t) * t - 0.35 * at.u * t, at.v + (end - 150 - at.v) * t * t});
    }
    lines.push_back(std::move(lead));
  }
}

double distance_mm(const FilmPoint& p, const FilmPoint& a, const FilmPoint& b) {
  const double du = b.u - a.u, dv = b.v - a.v, length2 = std::max(du * du + dv * dv, 1e-9);
  const double t = std::clamp(((p.u - a.u) * du + (p.v - a.v) * dv) / length2, 0.0, 1.0);
  return std::hypot(p.u - a.u - t * du, p.v - a.v - t * dv);
}

void draw_line(const FilmLine& line, const Raster& raster, FloatImage& metal) {
  const double reach = line.width_mm / 2 + raster.pixel_mm;
  for (std::size_t i = 0; i + 1 < line.points.size(); ++i) {
    const FilmPoint a = line.points[i], b = line.points[i + 1];
    const auto bound = [](double value, int limit) { return int(std::clamp(value, 0.0, double(limit))); };
    const int top = bound(raster.row_of(std::max(a.v, b.v) + reach), raster.height);
    const int bottom = bound(raster.row_of(std::min(a.v, b.v) - reach) + 2, raster.height);
    const int left = bound(raster.column_of(std::min(a.u, b.u) - reach), raster.width);
    const int right = bound(raster.column_of(std::max(a.u, b.u) + reach) + 2, raster.width);
    for (int y = top; y < bottom; ++y)
      for (int x = left; x < right; ++x) {
        const double inside = line.width_mm / 2 - distance_mm(raster.at(y, x), a, b);
        const double share = std::clamp(inside / raster.pixel_mm + 0.5, 0.0, 1.0);
        float& value = metal.pixels[std::size_t(y) * std::size_t(raster.width) + std::size_t(x)];
        value = std::max(value, float(share * line.depth_mm));
      }
  }
}

}  // namespace

Accessories make_accessories(const Pose& pose, const Raster& raster, const Body& body, const Beam& beam,
                             RandomSource& random) {
  Accessories accessories;
  for (double& shutter : accessories.shutter_mm)
    shutter = happens(random, 0.55) ? 0 : uniform_in(random, {2, pose.view == View::kAP ? 7.0 : 13.0});
  const bool left = happens(random, 0.6);
  const double half_width = raster.width * raster.pixel_mm / 2, half_height = raster.height * raster.pixel_mm / 2;
  const double from_side = uniform_in(random, {22, 34}), from_top = uniform_in(random, {28, 62});
  const FilmPoint corner{pose.view == View::kLateral ? -half_width + from_side
                         : left                      ? half_width - from_side - 6
                                                     : -half_width + from_side,
                         half_height - from_top};
  add_letter(left || pose.view == View::kLateral ? 'L' : 'R', corner, uniform_in(random, {-0.08, 0.08}),
             accessories.metal);
  if (pose.view == View::kAP && happens(random, 0.5)) add_monitor(body, beam, random, accessories.metal);
  return accessories;
}

void draw(const Accessories& accessories, const Raster& raster, FloatImage& metal) {
  for (const FilmLine& line : accessories.metal) draw_line(line, raster, metal);
}

void shut(const Accessories& accessories, const Raster& raster, FloatImage& grey) {
  const double half_width = raster.width * raster.pixel_mm / 2, half_height = raster.height * raster.pixel_mm / 2;
  const double* covered = accessories.shutter_mm;
  for (int y = 0; y < raster.height; ++y)
    for (int x = 0; x < raster.width; ++x) {
      const FilmPoint p = raster.at(y, x);
      const bool open = p.u > -half_width + covered[0] && p.u < half_width - covered[1] &&
                        p.v < half_height - covered[2] && p.v > -half_height + covered[3];
      if (!open) grey.pixels[std::size_t(y) * std::size_t(raster.width) + std::size_t(x)] = 0;
    }
}

}  // namespace chexworld::phantom
