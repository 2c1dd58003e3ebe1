// SPDX-License-Identifier: Apache-2.0
#include "phantom/stroke.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr double kLeastSine = 0.55;  // a rod seen end on counts as no longer than 1 / this many diameters

/// The band that a rod leaves on the film, at one of its points.
struct Band {
  double column = 0, row = 0;        // pixels
  double half_width = 0, chord = 0;  // mm on the film, mm in the body: of the whole rod
  double inner_half_width = 0, inner_chord = 0;
};

/// Half-width and longest chord of an ellipse of half-axes rn and rm, seen along (en, em).
std::pair<double, double> seen(double rn, double rm, double en, double em) {
  if (rn <= 0 || rm <= 0) return {0, 0};
  return {std::hypot(rn * em, rm * en), 2 / std::hypot(en / rn, em / rm)};
}

Band band_at(const Stroke& stroke, std::size_t i, const Beam& beam, const Raster& raster) {
  const StrokePoint& point = stroke.points[i];
  const std::size_t last = stroke.points.size() - 1;
  const Point along =
      normalised(beam.scaled(stroke.points[std::min(i + 1, last)].at - stroke.points[i > 0 ? i - 1 : 0].at));
  Point normal = point.at - stroke.hub;
  normal.z = 0;
  normal = normalised(normal - dot(normal, along) * along);
  const Point third = cross(along, normal), direction = beam.direction();
  const Point across = direction - dot(direction, along) * along;
  const double sine = std::max(norm(across), kLeastSine);
  const Point e = normalised(across);
  const double en = dot(e, normal), em = dot(e, third), m = beam.magnification(point.at);
  const double thin = point.radius * stroke.flatness;
  const auto [width, chord] = seen(thin, point.radius, en, em);
  const FilmPoint place = beam.project(point.at);
  Band band{raster.column_of(place.u), raster.row_of(place.v), width * m, point.weight * chord / sine, 0, 0};
  if (stroke.cortex_mm > 0) {
    const auto [inner, inner_chord] = seen(thin - stroke.cortex_mm, point.radius - stroke.cortex_mm, en, em);
    band.inner_half_width = inner * m;
    band.inner_chord = point.weight * inner_chord / sine;
  }
  return band;
}

Band mixed(const Band& a, const Band& b, double t) {
  const auto mix = [t](double x, double y) { return x + t * (y - x); };
  return {mix(a.column, b.column),
          mix(a.row, b.row),
          mix(a.half_width, b.half_width),
          mix(a.chord, b.chord),
          mix(a.inner_half_width, b.inner_half_width),
          mix(a.inner_chord, b.inner_chord)};
}

double chord_at(double distance, double half_width, double chord) {
  if (half_width <= 0 || distance >= half_width) return 0;
  const double q = distance / half_width;
  return chord * std::sqrt(1 - q * q);
}

/// The part of the film that a stroke can touch, with the nearest place on it for every pixel.
struct Patch {
  int top, left, height, width;
  struct Nearest {
    float share = 1e9F;  // distance over half-width
    float outer = 0, inner = 0;
  };
  std::vector<Nearest> nearest;
};

Patch patch_of(const std::vector<Band>& bands, const Raster& raster) {
  double top = 1e9, left = 1e9, bottom = -1e9, right = -1e9;
  for (const Band& band : bands) {
    const double margin = band.half_width / raster.pixel_mm + 1;
    top = std::min(top, band.row - margin), bottom = std::max(bottom, band.row + margin);
    left = std::min(left, band.column - margin), right = std::max(right, band.column + margin);
  }
  Patch patch{};
  patch.top = int(std::clamp(top, 0.0, double(raster.height)));
  patch.left = int(std::clamp(left, 0.0, double(raster.width)));
  patch.height = std::max(0, int(std::clamp(bottom + 1, 0.0, double(raster.height))) - patch.top);
  patch.width = std::max(0, int(std::clamp(right + 1, 0.0, double(raster.width))) - patch.left);
  patch.nearest.resize(std::size_t(patch.height) * std::size_t(patch.width));
  return patch;
}

struct Cut {
  bool first, last;  // ends that are square
};

void draw_segment(const Band& a, const Band& b, Cut cut, double pixel_mm, Patch& patch) {
  const double margin = std::max(a.half_width, b.half_width) / pixel_mm + 1;
  const double dx = b.column - a.column, dy = b.row - a.row, length2 = std::max(dx * dx + dy * dy, 1e-9);
  const int top = std::max(0, int(std::min(a.row, b.row) - margin) - patch.top);
  const int bottom = std::min(patch.height, int(std::max(a.row, b.row) + margin) + 2 - patch.top);
  const int left = std::max(0, int(std::min(a.column, b.column) - margin) - patch.left);
  const int right = std::min(patch.width, int(std::max(a.column, b.column) + margin) + 2 - patch.left);
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      const double px = x + patch.left - a.column, py = y + patch.top - a.row;
      const double t = (px * dx + py * dy) / length2;
      if ((cut.first && t < 0) || (cut.last && t > 1)) continue;
      const double on = std::clamp(t, 0.0, 1.0);
      const Band band = mixed(a, b, on);
      const double distance = std::hypot(px - on * dx, py - on * dy) * pixel_mm;
      const auto share = float(distance / std::max(band.half_width, 1e-6));
      Patch::Nearest& nearest = patch.nearest[std::size_t(y) * std::size_t(patch.width) + std::size_t(x)];
      if (share >= nearest.share || share >= 1) continue;
      nearest = {share, float(chord_at(distance, band.half_width, band.chord)),
                 float(chord_at(distance, band.inner_half_width, band.inner_chord))};
    }
}

}  // namespace

void draw(const Stroke& stroke, const Beam& beam, const Raster& raster, FloatImage& core, FloatImage& shell) {
  if (stroke.points.size() < 2) return;
  std::vector<Band> bands;
  for (std::size_t i = 0; i < stroke.points.size(); ++i) bands.push_back(band_at(stroke, i, beam, raster));
  Patch patch = patch_of(bands, raster);
  const std::size_t last = bands.size() - 2;
  for (std::size_t i = 0; i <= last; ++i)
    draw_segment(bands[i], bands[i + 1], {!stroke.round_ends && i == 0, !stroke.round_ends && i == last},
                 raster.pixel_mm, patch);
  for (int y = 0; y < patch.height; ++y)
    for (int x = 0; x < patch.width; ++x) {
      const Patch::Nearest& nearest = patch.nearest[std::size_t(y) * std::size_t(patch.width) + std::size_t(x)];
      if (nearest.share >= 1) continue;
      const std::size_t at = std::size_t(y + patch.top) * std::size_t(raster.width) + std::size_t(x + patch.left);
      const bool hollow = stroke.cortex_mm > 0;
      core.pixels[at] += hollow ? nearest.inner : nearest.outer;
      if (hollow) shell.pixels[at] += nearest.outer - nearest.inner;
    }
}

}  // namespace chexworld::phantom
