// SPDX-License-Identifier: Apache-2.0
#include "phantom/paths.h"

#include "phantom/skeleton.h"

#include <algorithm>
#include <vector>

namespace chexworld::phantom {

namespace {

constexpr double kPleura = 0.7;  // mm

/// The sections of one lung that a row of the film passes.
struct LungRow {
  Ellipse apex, dome, fluid;
  bool has_fluid = false, is_collapsed = false;
  Ellipse shrunken, shrunken_apex;  // of a collapsed lung
};

/// The sections of all organs that a row of the film passes.
struct Row {
  std::vector<Ellipse> outer, inner, air;
  Ellipse thorax, heart, spine;
  double endplate = 0;
  LungRow lungs[2];
};

std::vector<Ellipse> sections(const std::vector<Solid>& solids, const Beam& beam, double v) {
  std::vector<Ellipse> found;
  for (const Solid& solid : solids) {
    const Point centre = solid.centre();
    const Ellipse section = solid.at(beam.z_at(v, centre.x, centre.y));
    if (!section.empty()) found.push_back(section);
  }
  return found;
}

LungRow lung_row(const Body& body, const Lung& lung, const Beam& beam, double v) {
  const double z = beam.z_at(v, lung.dome.vertex.x, 0);
  LungRow row{lung.apex.at(z), lung.dome.at(z), {}, lung.fluid.has_value(), lung.collapse_mm > 0, {}, {}};
  if (row.has_fluid) row.fluid = lung.fluid->at(z);
  if (row.is_collapsed) {
    const double gap = lung.collapse_mm * std::clamp(0.25 + 0.75 * (z - 50) / 220, 0.12, 1.0);  // air rises
    row.shrunken = body.thorax.at(z).grown(-gap);
    row.shrunken_apex = lung.apex.at(z + 1.3 * lung.collapse_mm);
  }
  return row;
}

Row row_at(const Body& body, const Beam& beam, double v) {
  Row row;
  row.outer = sections(body.outer, beam, v);
  row.inner = sections(body.inner, beam, v);
  row.air = sections(body.air, beam, v);
  row.thorax = body.thorax.at(beam.z_at(v, 0, body.thorax.depth()));
  row.heart = body.heart.at(beam.z_at(v, 20, body.heart.depth()));
  const double spine_z = beam.z_at(v, 0, body.spine.depth());
  const SpineLevel level = spine_level(spine_z);
  row.spine = body.spine.at(spine_z);
  row.spine = {row.spine.x, row.spine.y, row.spine.a * level.width * level.bone, row.spine.b * level.bone};
  row.endplate = level.endplate;
  for (int i = 0; i < 2; ++i) row.lungs[i] = lung_row(body, body.lungs[i], beam, v);
  return row;
}

struct LungCrossing {
  double lung = 0, fluid = 0, free_air = 0, pleura = 0;
};

double aerated(const Intervals& cavity, const Ray& ray, const LungRow& row, double margin) {
  Intervals lung = cavity;
  if (row.is_collapsed) {
    lung.keep(crossed(ray, row.shrunken.grown(-margin)));
    lung.keep(crossed(ray, row.shrunken_apex.grown(-margin)));
  }
  return lung.length();
}

LungCrossing cross_lung(const Ray& ray, const Row& row, int i, const Interval& thorax) {
  const LungRow& lung = row.lungs[i];
  Intervals cavity(common(common(thorax, crossed(ray, lung.apex)), on_side(ray, i == 0 ? kRight : kLeft)));
  if (cavity.empty()) return {};
  cavity.remove(crossed(ray, lung.dome));
  for (const Ellipse& organ : row.inner) cavity.remove(crossed(ray, organ));
  LungCrossing result;
  const double whole = cavity.length();
  if (lung.has_fluid) cavity.keep(crossed(ray, lung.fluid));
  const double dry = cavity.length();
  result.fluid = whole - dry;
  result.lung = lung.is_collapsed ? aerated(cavity, ray, lung, 0) : dry;
  result.free_air = dry - result.lung;
  if (lung.is_collapsed) result.pleura = result.lung - aerated(cavity, ray, lung, kPleura);
  return result;
}

double crossed_body(const Ray& ray, const Row& row) {
  Intervals body;
  for (const Ellipse& part : row.outer) body.add(crossed(ray, part));
  return body.length();
}

double crossed_air(const Ray& ray, const Row& row) {
  Intervals air;
  for (const Ellipse& part : row.air) air.add(crossed(ray, part));
  return air.length();
}

void trace_ray(const Ray& ray, const Row& row, double mm, std::size_t at, Paths& paths) {
  const double body = crossed_body(ray, row);
  if (body <= 0) return;
  const Interval thorax = crossed(ray, row.thorax);
  double gas = crossed_air(ray, row);
  for (int i = 0; i < 2 && !thorax.empty(); ++i) {
    const LungCrossing lung = cross_lung(ray, row, i, thorax);
    paths.lung[i].pixels[at] = float(mm * lung.lung);
    paths.fluid[i].pixels[at] = float(mm * lung.fluid);
    paths.free_air[i].pixels[at] = float(mm * lung.free_air);
    paths.pleura.pixels[at] += float(mm * lung.pleura);
    gas += lung.lung + lung.free_air;
  }
  paths.soft.pixels[at] = float(mm * std::max(0.0, body - gas));
  paths.heart.pixels[at] = float(mm * crossed(ray, row.heart).length());
  const double bone = mm * crossed(ray, row.spine).length();
  paths.spine.pixels[at] = float(bone);
  paths.endplates.pixels[at] = float(bone * row.endplate);
}

}  // namespace

Paths trace(const Body& body, const Beam& beam, const Raster& raster) {
  const FloatImage nothing = blank(raster);
  Paths paths{nothing, {nothing, nothing}, {nothing, nothing}, {nothing, nothing}, nothing, nothing, nothing, nothing};
  for (int y = 0; y < raster.height; ++y) {
    const Row row = row_at(body, beam, raster.at(y, 0).v);
    for (int x = 0; x < raster.width; ++x) {
      const Ray ray = beam.ray_to(raster.at(y, x));
      const std::size_t at = std::size_t(y) * std::size_t(raster.width) + std::size_t(x);
      trace_ray(ray, row, beam.millimetres(ray), at, paths);
    }
  }
  return paths;
}

}  // namespace chexworld::phantom
