// SPDX-License-Identifier: Apache-2.0
#include "phantom/film.h"

#include "phantom/accessories.h"
#include "phantom/skeleton.h"
#include "phantom/vessels.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr double kLungEdge = 5;     // mm of lung from which on a pixel belongs to it
constexpr double kVesselLung = 26;  // mm of lung from which on a vessel in it is seen whole

/// Rods of every kind, in millimetres of what they are made of.
struct Rods {
  FloatImage vessels, sponge, cortex, metal;
};

Rods draw_rods(const FilmPlan& plan, const Body& body, const Beam& beam, const Raster& raster) {
  Rods rods{blank(raster), blank(raster), blank(raster), blank(raster)};
  FloatImage none = blank(raster);
  for (const Stroke& vessel : make_vessels(body, plan.anatomy)) draw(vessel, beam, raster, rods.vessels, none);
  for (const Stroke& bone : make_skeleton(body, plan.anatomy, plan.pose))
    draw(bone, beam, raster, rods.sponge, rods.cortex);
  for (const Plate& plate : make_plates(plan.pose)) draw(plate, beam, raster, rods.cortex);
  return rods;
}

/// The line integral of attenuation along every ray.
FloatImage attenuation(const FilmPlan& plan, const Raster& raster, const Paths& paths, const Rods& rods,
                       const FloatImage& water) {
  StreamRandom random({plan.anatomy.seed, 5, std::uint64_t(plan.pose.view), RandomPurpose::kOther});
  const FloatImage coarse = noise_field(random, raster, 11 / raster.pixel_mm);
  const FloatImage middle = noise_field(random, raster, 4 / raster.pixel_mm);
  const FloatImage fine = noise_field(random, raster, 1.6 / raster.pixel_mm);
  const double air_to_water = kWaterPerMm - kLungPerMm, bone = plan.anatomy.bone_density;
  FloatImage sum = blank(raster);
  for (std::size_t i = 0; i < sum.pixels.size(); ++i) {
    const double lung = paths.lung[0].pixels[i] + paths.lung[1].pixels[i];
    const double texture = 0.045 * coarse.pixels[i] + 0.05 * middle.pixels[i] + 0.04 * fine.pixels[i];
    const double trabeculae = 1 + 0.12 * fine.pixels[i] + 0.08 * middle.pixels[i];
    const double seen = std::min(1.0, lung / kVesselLung);
    const double spine = paths.spine.pixels[i];
    sum.pixels[i] = float(
        kWaterPerMm * paths.soft.pixels[i] * (1 + 0.006 * coarse.pixels[i]) +
        kLungPerMm * plan.anatomy.lung_density * lung * (1 + texture) + kWaterPerMm * paths.pleura.pixels[i] +
        air_to_water * (seen * rods.vessels.pixels[i] + water.pixels[i]) +
        bone * kSpongePerMm * trabeculae * (rods.sponge.pixels[i] + 0.55 * spine + 0.5 * paths.endplates.pixels[i]) +
        bone * kCortexPerMm * rods.cortex.pixels[i] + kMetalPerMm * rods.metal.pixels[i]);
  }
  return sum;
}

GrayImage lungs_of(const Paths& paths) {
  GrayImage lungs{paths.soft.width, paths.soft.height, {}};
  for (std::size_t i = 0; i < paths.soft.pixels.size(); ++i)
    lungs.pixels.push_back(paths.lung[0].pixels[i] + paths.lung[1].pixels[i] >= kLungEdge ? 255 : 0);
  return lungs;
}

/// Greys to stored values with a little room at both ends, as detectors leave it, and the window that shows them.
void store(const FloatImage& grey, const Look& look, Film& film) {
  const int full = (1 << look.bits) - 1, low = full / 16, high = full - full / 10;
  film.bits = look.bits;
  film.inverted = look.inverted;
  film.window_width = high - low;
  film.stored.resize(grey.pixels.size());
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
    const double shown = look.inverted ? 1 - grey.pixels[i] : grey.pixels[i];
    film.stored[i] = std::uint16_t(std::lround(low + shown * (high - low)));
  }
  film.window_centre = (high + low) / 2;
}

}  // namespace

Raster raster_of(const FilmPlan& plan) {
  const double longest = std::max(plan.pose.field_mm[0], plan.pose.field_mm[1]);
  const double pixel_mm = longest / plan.long_side;
  return {int(std::lround(plan.pose.field_mm[0] / pixel_mm)), int(std::lround(plan.pose.field_mm[1] / pixel_mm)),
          pixel_mm};
}

Film make_film(const FilmPlan& plan) {
  const Raster raster = raster_of(plan);
  const Beam beam(plan.pose, plan.anatomy);
  const Body body = make_body(plan.anatomy, plan.pose, plan.findings);
  const Paths paths = trace(body, beam, raster);
  const bool portable = plan.pose.view == View::kAP;
  StreamRandom random({plan.seed, 6, 0, RandomPurpose::kOther});

  FloatImage water = blank(raster);
  add_opacities(body, plan.findings, beam, raster, paths, water);
  Rods rods = draw_rods(plan, body, beam, raster);
  Accessories accessories = make_accessories(plan.pose, raster, body, beam, random);
  draw(accessories, raster, rods.metal);

  const Look& look = look_of(plan.look, portable);
  FloatImage grey = expose(attenuation(plan, raster, paths, rods, water), raster, look, random);
  shut(accessories, raster, grey);

  Film film;
  film.width = raster.width;
  film.height = raster.height;
  film.pixel_mm = raster.pixel_mm;
  if (plan.pose.view != View::kLateral) film.cardiothoracic_ratio = cardiothoracic_ratio(paths);
  for (const Finding& finding : plan.findings)
    if (const auto box = seen_at(finding, paths, water)) film.findings.push_back({finding, *box});
  film.lungs = lungs_of(paths);
  store(grey, look, film);
  return film;
}

GrayImage shown(const Film& film) {
  GrayImage picture{film.width, film.height, std::vector<std::uint8_t>(film.stored.size())};
  const double low = film.window_centre - 0.5 * film.window_width;
  for (std::size_t i = 0; i < film.stored.size(); ++i) {
    const double grey = std::clamp((film.stored[i] - low) / film.window_width, 0.0, 1.0);
    picture.pixels[i] = std::uint8_t(std::lround(255 * (film.inverted ? 1 - grey : grey)));
  }
  return picture;
}

}  // namespace chexworld::phantom
