// SPDX-License-Identifier: Apache-2.0
//
// What a picture itself says about being a frontal chest radiograph: a few numbers, cheap and without a model.
#pragma once

#include "image/image.h"

namespace chexworld {

struct FilmLook {
  /// Correlation with a drawing of the frontal chest (dark lungs and neck corners, bright spine, heart and upper
  /// abdomen) on an 8 x 8 grid of grey ranks inside the margins: 1 like it, -1 like its negative.
  double chest_likeness = 0;
  double content_aspect = 1;      ///< width over height inside the margins
  double black_border_share = 0;  ///< of the area
  double contrast = 0;            ///< 99th minus 1st percentile inside the margins, share of the grey scale
  int grey_levels = 0;            ///< how many of the 256 occur

  // The thresholds are measured: docs/imaging.md has the figures.
  bool near_constant() const { return contrast < 0.03; }
  bool low_contrast() const { return contrast < 0.25; }
  bool shows_two_lungs() const { return chest_likeness >= 0.55; }
  bool looks_negative() const { return chest_likeness <= -0.25; }
  bool unlike_any_chest() const { return chest_likeness < -0.15 && chest_likeness > -0.6; }
};

/// Pure; safe from any thread. Throws Failure(kInvalidArgument) for a picture without pixels.
FilmLook look_at(const GrayImage& film);

}  // namespace chexworld
