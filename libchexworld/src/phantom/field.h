// SPDX-License-Identifier: Apache-2.0
//
// Pictures of floating-point numbers on the film's grid, blurred and made up of noise.
#pragma once

#include "image/resample.h"
#include "phantom/beam.h"

namespace chexworld::phantom {

/// The film's grid of square pixels; (0, 0) in film millimetres is its centre.
struct Raster {
  int width = 0, height = 0;
  double pixel_mm = 1;

  FilmPoint at(int row, int column) const {
    return {(column + 0.5 - 0.5 * width) * pixel_mm, (0.5 * height - row - 0.5) * pixel_mm};
  }
  double column_of(double u) const { return u / pixel_mm + 0.5 * width - 0.5; }
  double row_of(double v) const { return 0.5 * height - 0.5 - v / pixel_mm; }
};

FloatImage blank(const Raster& raster, float value = 0);

/// Gaussian blur with edge pixels repeated; `sigma` in pixels. Wide ones are computed on a reduced picture.
FloatImage blurred(const FloatImage& image, double sigma);

/// Smooth noise of mean 0 and deviation about 1, with spots about `grain` pixels wide.
FloatImage noise_field(RandomSource& random, const Raster& raster, double grain);

}  // namespace chexworld::phantom
