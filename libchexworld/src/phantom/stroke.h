// SPDX-License-Identifier: Apache-2.0
//
// Bent tubes and rods: bones, vessels, wires. Projected as bands, across which the path through a rod with an
// elliptical section is known.
#pragma once

#include "phantom/beam.h"
#include "phantom/field.h"

#include <vector>

namespace chexworld::phantom {

struct StrokePoint {
  Point at;           ///< of the average adult
  double radius = 1;  ///< mm
  double weight = 1;  ///< share of the density: 0 fades it out
};

struct Stroke {
  std::vector<StrokePoint> points;
  double flatness = 1;   ///< radius along the normal over the radius across
  Point hub{0, 0, 0};    ///< of a flat rod: its normal points horizontally away from the axis through here
  double cortex_mm = 0;  ///< thickness of a shell; 0: solid
  bool round_ends = true;
};

/// Adds the millimetres that the rays run through the shell and through what it holds. A solid rod is all core.
void draw(const Stroke& stroke, const Beam& beam, const Raster& raster, FloatImage& core, FloatImage& shell);

}  // namespace chexworld::phantom
