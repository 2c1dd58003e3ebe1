// SPDX-License-Identifier: Apache-2.0
//
// What is on a film besides the patient: lead letters, wires of a monitor, the collimator's edges.
#pragma once

#include "phantom/body.h"
#include "phantom/field.h"

#include <vector>

namespace chexworld::phantom {

/// A line on the film with a thickness, in film millimetres.
struct FilmLine {
  std::vector<FilmPoint> points;
  double width_mm = 2, depth_mm = 1;
};

struct Accessories {
  std::vector<FilmLine> metal;
  double shutter_mm[4] = {};  ///< covered at left, right, top, bottom
};

Accessories make_accessories(const Pose& pose, const Raster& raster, const Body& body, const Beam& beam,
                             RandomSource& random);

/// Adds the millimetres of metal.
void draw(const Accessories& accessories, const Raster& raster, FloatImage& metal);

/// Blackens what the collimator kept dark.
void shut(const Accessories& accessories, const Raster& raster, FloatImage& grey);

}  // namespace chexworld::phantom
