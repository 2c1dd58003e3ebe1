// SPDX-License-Identifier: Apache-2.0
#include "phantom/opacities.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr double kSeenFluid = 12, kSeenAir = 6, kSeenWater = 5;  // mm

std::size_t lung_of(int side) { return side == kRight ? 0 : 1; }

/// A place in the lung with air around it; the hilum where none is found, which a whole hemithorax of fluid can do.
Point place_in_lung(const Body& body, int side, double margin, RandomSource& random) {
  for (int tries = 0; tries < 400; ++tries) {
    const Point point{side * uniform_in(random, {25, 125}), uniform_in(random, {-80, 80}),
                      uniform_in(random, {40, 260})};
    if (body.in_lung(point, side, margin)) return point;
  }
  return {side * 70.0, -10, 180};
}

/// Calls action(pixel, du, dv) for the pixels within `radius` mm of a point on the film.
template <class Action>
void around(const FilmPoint& centre, double radius, const Raster& raster, Action action) {
  const auto bound = [](double value, int limit) { return int(std::clamp(value, 0.0, double(limit))); };
  const int top = bound(raster.row_of(centre.v + radius), raster.height);
  const int bottom = bound(raster.row_of(centre.v - radius) + 2, raster.height);
  const int left = bound(raster.column_of(centre.u - radius), raster.width);
  const int right = bound(raster.column_of(centre.u + radius) + 2, raster.width);
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      const FilmPoint p = raster.at(y, x);
      action(std::size_t(y) * std::size_t(raster.width) + std::size_t(x), p.u - centre.u, p.v - centre.v);
    }
}

void add_nodule(const Body& body, const Finding& finding, const Beam& beam, const Raster& raster, FloatImage& water) {
  StreamRandom random({finding.seed, 3, 0, RandomPurpose::kOther});
  const double radius = 5.5 + 10 * finding.extent;
  const Point centre = place_in_lung(body, finding.side, radius + 4, random);
  const double scale = beam.magnification(centre), lobes = uniform_in(random, {2, 5});
  const double turn = uniform_in(random, {0, 6.28}), rough = uniform_in(random, {0.02, 0.09});
  around(beam.project(centre), 1.4 * radius * scale, raster, [&](std::size_t at, double du, double dv) {
    const double angle = std::atan2(dv, du);
    const double r = radius * scale * (1 + rough * std::sin(std::floor(lobes) * angle + turn));
    const double q2 = (du * du + dv * dv) / (r * r);
    if (q2 < 1) water.pixels[at] += float(2 * radius * std::sqrt(1 - q2));
  });
}

struct Cloud {
  FilmPoint centre;
  double width_mm, height_mm, weight;
};

std::vector<Cloud> clouds_of(const Body& body, const Finding& finding, const Beam& beam, RandomSource& random) {
  const Point heart = place_in_lung(body, finding.side, 18, random);
  const double spread = 14 + 24 * finding.extent;
  std::vector<Cloud> clouds;
  for (int i = 0; i < 9; ++i) {
    const Point at{heart.x + spread * uniform_in(random, {-1, 1}), heart.y + spread * uniform_in(random, {-1, 1}),
                   heart.z + 0.8 * spread * uniform_in(random, {-1, 1})};
    const double size = (0.45 + 0.4 * random.uniform()) * spread;
    clouds.push_back({beam.project(at), 1.15 * size, 0.85 * size, uniform_in(random, {0.35, 0.8})});
  }
  return clouds;
}

/// Alveoli filled in patches: soft clouds, broken up by noise, no further than the lung reaches.
void add_consolidation(const Body& body, const Finding& finding, const Beam& beam, const Raster& raster,
                       const Paths& paths, FloatImage& water) {
  StreamRandom random({finding.seed, 4, 0, RandomPurpose::kOther});
  const std::vector<Cloud> clouds = clouds_of(body, finding, beam, random);
  const FloatImage patchy = noise_field(random, raster, 14 / raster.pixel_mm);
  const FloatImage fine = noise_field(random, raster, 4.5 / raster.pixel_mm);
  const double thickness = 34 + 40 * finding.extent;  // mm of filled lung
  FloatImage filled = blank(raster);
  for (const Cloud& cloud : clouds)
    around(cloud.centre, 3 * cloud.width_mm, raster, [&](std::size_t at, double du, double dv) {
      const double q2 = std::pow(du / cloud.width_mm, 2) + std::pow(dv / cloud.height_mm, 2);
      filled.pixels[at] += float(cloud.weight * std::exp(-0.5 * q2));
    });
  const FloatImage& lung = paths.lung[lung_of(finding.side)];
  for (std::size_t i = 0; i < filled.pixels.size(); ++i) {
    if (filled.pixels[i] <= 0.002F) continue;
    const double broken = std::exp(0.33 * patchy.pixels[i] + 0.2 * fine.pixels[i]);
    const double share = 1 - std::exp(-1.1 * filled.pixels[i] * broken);
    water.pixels[i] += float(share * std::min(thickness, 0.8 * double(lung.pixels[i])));
  }
}

std::optional<PixelRect> bounds(const FloatImage& image, double threshold) {
  int top = image.height, bottom = -1, left = image.width, right = -1;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      if (image.pixels[std::size_t(y) * std::size_t(image.width) + std::size_t(x)] < threshold) continue;
      top = std::min(top, y), bottom = std::max(bottom, y);
      left = std::min(left, x), right = std::max(right, x);
    }
  if (bottom < 0) return {};
  return PixelRect{top, left, bottom - top + 1, right - left + 1};
}

struct Extent {
  int first = 1 << 30, last = -1;

  void include(int x) { first = std::min(first, x), last = std::max(last, x); }
  int width() const { return last < first ? 0 : last - first + 1; }
};

}  // namespace

void add_opacities(const Body& body, const std::vector<Finding>& findings, const Beam& beam, const Raster& raster,
                   const Paths& paths, FloatImage& water) {
  for (const Finding& finding : findings) {
    if (finding.kind == FindingKind::kNodule) add_nodule(body, finding, beam, raster, water);
    if (finding.kind == FindingKind::kConsolidation) add_consolidation(body, finding, beam, raster, paths, water);
  }
}

std::optional<PixelRect> seen_at(const Finding& finding, const Paths& paths, const FloatImage& water) {
  switch (finding.kind) {
    case FindingKind::kEffusion: return bounds(paths.fluid[lung_of(finding.side)], kSeenFluid);
    case FindingKind::kPneumothorax: return bounds(paths.free_air[lung_of(finding.side)], kSeenAir);
    case FindingKind::kCardiomegaly: return bounds(paths.heart, kSeenWater);
    case FindingKind::kNodule:
    case FindingKind::kConsolidation: break;
  }
  return bounds(water, kSeenWater);
}

double cardiothoracic_ratio(const Paths& paths) {
  Extent heart;
  int widest = 0;
  for (int y = 0; y < paths.heart.height; ++y) {
    Extent chest;
    for (int x = 0; x < paths.heart.width; ++x) {
      const std::size_t at = std::size_t(y) * std::size_t(paths.heart.width) + std::size_t(x);
      if (paths.heart.pixels[at] > 0) heart.include(x);
      for (int i = 0; i < 2; ++i)
        if (paths.lung[i].pixels[at] + paths.fluid[i].pixels[at] + paths.free_air[i].pixels[at] > 0) chest.include(x);
    }
    widest = std::max(widest, chest.width());
  }
  return widest > 0 ? double(heart.width()) / widest : 0;
}

}  // namespace chexworld::phantom
