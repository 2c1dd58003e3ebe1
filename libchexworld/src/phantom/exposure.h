// SPDX-License-Identifier: Apache-2.0
//
// From path lengths to what a detector stores: Beer and Lambert, scatter, quantum noise, and each maker's processing.
#pragma once

#include "phantom/field.h"

#include <string_view>
#include <vector>

namespace chexworld::phantom {

/// How a device exposes and what it makes of it.
struct Look {
  std::string_view model;          ///< made-up name
  int bits = 12;                   ///< stored
  bool inverted = false;           ///< MONOCHROME1
  double blur_mm = 0.15;           ///< deviation of the detector's point spread
  double quanta_per_mm2 = 60'000;  ///< that count, in the open beam
  double scatter = 0.2;            ///< of the local primary, behind the grid
  double compression = 0.35;       ///< of large-scale differences, 0 to 1
  double sharpening = 0.5;
  double contrast = 1;    ///< slope of the tone curve
  double brightness = 0;  ///< shift of the tone curve
};

inline constexpr int kLooks = 5;
/// `portable`: those of bedside films.
const Look& look_of(int number, bool portable);

/// Linear attenuation per mm at an effective energy of about 65 keV, and what replaces water where it is denser.
inline constexpr double kWaterPerMm = 0.0195;
inline constexpr double kLungPerMm = 0.0049;    ///< a quarter of water
inline constexpr double kSpongePerMm = 0.0065;  ///< cancellous bone above water
inline constexpr double kCortexPerMm = 0.027;   ///< cortical bone above water
inline constexpr double kMetalPerMm = 0.5;

/// f32[height, width] in 0 (black) to 1 (white) from line integrals of attenuation (no unit).
FloatImage expose(const FloatImage& attenuation, const Raster& raster, const Look& look, RandomSource& random);

}  // namespace chexworld::phantom
