// SPDX-License-Identifier: Apache-2.0
#include "phantom/skeleton.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace chexworld::phantom {

namespace {

/// A rib from its head beside the spine (angle 0: straight behind) round to where its cartilage begins.
struct RibShape {
  double drop;         // mm from head to end
  double end;          // angle, radians
  double half_height;  // mm
};

constexpr RibShape kRibs[] = {{26, 2.42, 7.0}, {44, 2.50, 5.6}, {58, 2.46, 5.8}, {68, 2.42, 6.2},
                              {78, 2.38, 6.4}, {88, 2.34, 6.6}, {98, 2.28, 6.6}, {102, 2.18, 6.4},
                              {98, 2.02, 6.2}, {90, 1.84, 5.8}, {66, 1.35, 5.2}, {40, 1.00, 4.6}};

constexpr double kRibHead = 0.19;  // angle

/// The rib `number` (1 to 12) as a line, from behind.
std::vector<StrokePoint> rib_line(const Body& body, const Anatomy& anatomy, int number, int side) {
  const RibShape& shape = kRibs[number - 1];
  const Point head = vertebra(body, number);
  std::vector<StrokePoint> line;
  constexpr int kSteps = 56;
  for (int i = 0; i <= kSteps; ++i) {
    const double t = double(i) / kSteps, angle = kRibHead + t * (shape.end - kRibHead);
    // Nearly level at first, steepest at the side; the head sits a little above its neck.
    const double fallen = 0.5 - 0.5 * std::cos(std::numbers::pi * std::pow(t, 0.92));
    const double z = head.z + 3 - anatomy.rib_slope * shape.drop * fallen + 4 * std::exp(-30 * t);
    const Ellipse wall = body.thorax.at(z).grown(4);
    const double taper = 0.72 + 0.28 * std::min(1.0, 5 * t);
    const double cartilage = std::min(1.0, 6 * (1 - t) + 0.05) * (1.2 - 0.6 * t);  // bone thins and fades into it
    line.push_back({{side * wall.a * std::sin(angle), wall.y - wall.b * std::cos(angle), z},
                    shape.half_height * taper,
                    cartilage});
  }
  return line;
}

/// Cut where the line turns back, because the two halves lie over each other on a frontal film.
std::vector<Stroke> rib(const Body& body, const Anatomy& anatomy, int number, int side) {
  const std::vector<StrokePoint> line = rib_line(body, anatomy, number, side);
  const auto outermost = std::max_element(line.begin(), line.end(), [](const StrokePoint& a, const StrokePoint& b) {
    return std::abs(a.at.x) < std::abs(b.at.x);
  });
  const Stroke whole{{}, 0.52, {0, body.thorax.at(150).y, 0}, 0.9, false};
  std::vector<Stroke> halves(2, whole);
  halves[0].points.assign(line.begin(), outermost + 1);
  halves[1].points.assign(outermost, line.end());
  // Where they meet, each counts for half of the bend.
  for (std::size_t i = 0; i < 3; ++i) {
    const double share = 0.4 + 0.2 * double(i);
    if (i < halves[0].points.size()) halves[0].points[halves[0].points.size() - 1 - i].weight *= share;
    if (i < halves[1].points.size()) halves[1].points[i].weight *= share;
  }
  return halves;
}

Stroke rod(std::vector<StrokePoint> points, double cortex_mm) {
  Stroke stroke;
  stroke.points = std::move(points);
  stroke.cortex_mm = cortex_mm;
  return stroke;
}

/// More points on a line through a few, so that it bends softly (Catmull and Rom).
std::vector<StrokePoint> smooth(const std::vector<StrokePoint>& knots, int steps = 8) {
  std::vector<StrokePoint> line;
  const auto knot = [&](std::ptrdiff_t i) {
    return knots[std::size_t(std::clamp<std::ptrdiff_t>(i, 0, std::ptrdiff_t(knots.size()) - 1))];
  };
  for (std::ptrdiff_t i = 0; i + 1 < std::ptrdiff_t(knots.size()); ++i)
    for (int s = 0; s < steps; ++s) {
      const double t = double(s) / steps;
      const Point p0 = knot(i - 1).at, p1 = knot(i).at, p2 = knot(i + 1).at, p3 = knot(i + 2).at;
      const Point at = 0.5 * (2.0 * p1 + t * (p2 - p0) + t * t * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3) +
                              t * t * t * (3.0 * p1 - p0 - 3.0 * p2 + p3));
      const StrokePoint a = knot(i), b = knot(i + 1);
      line.push_back({at, a.radius + t * (b.radius - a.radius), a.weight + t * (b.weight - a.weight)});
    }
  line.push_back(knots.back());
  return line;
}

void add_shoulder(std::vector<Stroke>& bones, const Body& body, const Pose& pose, int side) {
  const auto at = [side](double x, double y, double z) { return Point{side * x, y, z}; };
  const double up = pose.clavicle_mm + (pose.view == View::kLateral ? 30 : 0), roll = pose.scapula_mm;
  const double front = body.thorax.at(236).y + body.thorax.at(236).b + 10;
  bones.push_back(rod(smooth({{at(18, front, 233), 10, 0.5},
                              {at(34, front + 2, 240 + 0.2 * up), 7.4},
                              {at(66, front - 10, 250 + 0.5 * up), 5.6},
                              {at(104, front - 48, 262 + 0.8 * up), 5.4},
                              {at(134, front - 72, 266 + up), 6},
                              {at(160, front - 84, 268 + up), 6.8}}),
                      1.5));
  bones.push_back(rod(smooth({{at(104 + 0.8 * roll, -84, 246 + up), 3.2, 0.3},
                              {at(128 + 0.7 * roll, -80, 254 + up), 4.2},
                              {at(158 + 0.3 * roll, -66, 268 + up), 6},
                              {at(172 + 0.2 * roll, -48, 270 + up), 7, 0.5}}),
                      1.2));
  bones.push_back(rod(smooth({{at(112 + roll, -92, 142 + 0.4 * up), 3, 0.3},
                              {at(126 + 0.8 * roll, -80, 182 + 0.5 * up), 4.4},
                              {at(144 + 0.45 * roll, -58, 228 + 0.7 * up), 6.5, 0.2}}),
                      1.0));
  bones.push_back(rod(smooth({{at(90 + roll, -84, 256 + 0.7 * up), 2},
                              {at(92 + roll, -92, 205 + 0.5 * up), 1.9},
                              {at(112 + roll, -92, 142 + 0.4 * up), 2.4, 0.4}}),
                      0.8));
  bones.push_back(rod(
      smooth({{at(140, -38, 246 + up), 6, 0.4}, {at(136, -16, 254 + up), 6.5, 0.4}, {at(144, 0, 246 + up), 4, 0.4}}),
      1));
  if (pose.view == View::kLateral) return;  // the arms are raised out of the field
  const double away = 30 + pose.scapula_mm;
  bones.push_back(rod(smooth({{at(172, -34, 246 + 0.6 * up), 21},
                              {at(177, -34, 228 + 0.5 * up), 20},
                              {at(186 + 0.25 * away, -28, 200), 14},
                              {at(198 + 0.6 * away, -20, 160), 12},
                              {at(212 + 1.1 * away, -14, 90), 11.5}}),
                      2.4));
}

void add_vertebra(std::vector<Stroke>& bones, const Body& body, int number) {
  const Point centre = vertebra(body, number);
  const double size = 0.85 + 0.02 * number;
  for (const int side : {kRight, kLeft}) {
    bones.push_back(rod({{{side * 10.5 * size, centre.y - 12, centre.z + 4}, 4.3 * size, 0.32},
                         {{side * 11.5 * size, centre.y - 26, centre.z + 4}, 4.3 * size, 0.32}},
                        1.1));
    bones.push_back(rod({{{side * 12.0 * size, centre.y - 27, centre.z + 4}, 4.4 * size, 0.5},
                         {{side * 31.0 * size, centre.y - 37, centre.z + 7}, 3.8 * size, 0.4}},
                        0.7));
  }
  bones.push_back(
      rod({{{0, centre.y - 34, centre.z - 4}, 3.4, 0.3}, {{0, centre.y - 58, centre.z - 16}, 3.6, 0.5}}, 0.9));
}

void add_sternum(std::vector<Stroke>& bones, const Body& body) {
  const auto at = [&](double z) { return Point{0, body.thorax.at(z).y + body.thorax.at(z).b + 9, z}; };
  Stroke sternum = rod({{at(238), 19, 0.3},
                        {at(222), 23, 0.8},
                        {at(196), 15, 0.8},
                        {at(190), 13, 0.5},
                        {at(150), 15, 0.8},
                        {at(110), 18, 0.8},
                        {at(92), 11, 0.2}},
                       0.8);
  sternum.flatness = 0.34;
  sternum.hub = {0, -1000, 0};
  bones.push_back(sternum);
}

}  // namespace

std::vector<Stroke> make_skeleton(const Body& body, const Anatomy& anatomy, const Pose& pose) {
  std::vector<Stroke> bones;
  for (const int side : {kRight, kLeft}) {
    for (int number = 1; number <= 12; ++number)
      for (Stroke& half : rib(body, anatomy, number, side)) bones.push_back(std::move(half));
    add_shoulder(bones, body, pose, side);
  }
  for (int number = -3; number <= 15; ++number) add_vertebra(bones, body, number);
  add_sternum(bones, body);
  return bones;
}

std::vector<Plate> make_plates(const Pose& pose) {
  const double up = pose.clavicle_mm + (pose.view == View::kLateral ? 30 : 0), roll = pose.scapula_mm;
  std::vector<Plate> plates;
  for (const double side : {-1.0, 1.0})
    plates.push_back({{{side * (90 + roll), -84, 258 + 0.7 * up},
                       {side * (112 + roll), -92, 140 + 0.4 * up},
                       {side * (146 + 0.45 * roll), -58, 240 + 0.7 * up}},
                      2.2});
  return plates;
}

void draw(const Plate& plate, const Beam& beam, const Raster& raster, FloatImage& core) {
  FilmPoint corners[3];
  double left = 1e9, right = -1e9, low = 1e9, high = -1e9;
  for (int i = 0; i < 3; ++i) {
    corners[i] = beam.project(plate.corners[i]);
    left = std::min(left, corners[i].u), right = std::max(right, corners[i].u);
    low = std::min(low, corners[i].v), high = std::max(high, corners[i].v);
  }
  const auto edge = [&](int i, FilmPoint p) {  // signed mm from an edge
    const FilmPoint a = corners[i], b = corners[(i + 1) % 3];
    return ((b.u - a.u) * (p.v - a.v) - (b.v - a.v) * (p.u - a.u)) / std::hypot(b.u - a.u, b.v - a.v);
  };
  const double turn = edge(0, corners[2]) > 0 ? 1 : -1;  // the side of the edges that is inside
  const auto bound = [](double value, int limit) { return int(std::clamp(value, 0.0, double(limit))); };
  const int top = bound(raster.row_of(high), raster.height), bottom = bound(raster.row_of(low) + 1, raster.height);
  const int first = bound(raster.column_of(left), raster.width), end = bound(raster.column_of(right) + 1, raster.width);
  for (int y = top; y < bottom; ++y)
    for (int x = first; x < end; ++x) {
      const FilmPoint p = raster.at(y, x);
      const double inside = std::min({turn * edge(0, p), turn * edge(1, p), turn * edge(2, p)});
      if (inside <= 0) continue;
      core.pixels[std::size_t(y) * std::size_t(raster.width) + std::size_t(x)] +=
          float(plate.thickness_mm * std::min(1.0, inside / 6));
    }
}

SpineLevel spine_level(double z) {
  // The inverse of vertebra(): which one, and how far from its middle (-0.5 to 0.5).
  const double t = (-19.5 + std::sqrt(std::max(0.0, 19.5 * 19.5 + 4 * 0.33 * (314 - z)))) / (2 * 0.33);
  const double off = std::abs(t - std::round(t));
  SpineLevel level;
  level.bone = std::clamp((0.425 - off) / 0.03, 0.0, 1.0);
  level.endplate = std::exp(-std::pow((off - 0.385) / 0.025, 2));
  level.width = 0.92 + 0.5 * off * off;
  return level;
}

}  // namespace chexworld::phantom
