// SPDX-License-Identifier: Apache-2.0
//
// One made-up chest film with everything that is known about it.
#pragma once

#include "image/image.h"
#include "phantom/anatomy.h"
#include "phantom/exposure.h"
#include "phantom/opacities.h"

#include <cstdint>
#include <vector>

namespace chexworld::phantom {

/// Everything that decides what a film looks like.
struct FilmPlan {
  Anatomy anatomy;
  Pose pose;
  std::vector<Finding> findings;
  int look = 0;
  int long_side = 1024;    ///< pixels
  std::uint64_t seed = 0;  ///< of noise, markers, borders
};

struct SeenFinding {
  Finding finding;
  PixelRect box;
};

struct Film {
  int width = 0, height = 0;
  double pixel_mm = 0;                ///< at the detector
  std::vector<std::uint16_t> stored;  ///< rows from the top
  int bits = 12;
  bool inverted = false;  ///< MONOCHROME1: the smallest value is white
  int window_centre = 0, window_width = 0;
  double cardiothoracic_ratio = 0;    ///< 0 on a lateral film
  std::vector<SeenFinding> findings;  ///< those of the plan that this film shows
  GrayImage lungs;                    ///< 255 where a ray crosses aerated lung
};

/// A pure function of the plan: the same on every machine with the same mathematical library, on any thread.
Film make_film(const FilmPlan& plan);

/// What the film's window shows.
GrayImage shown(const Film& film);

/// The grid of a plan's film.
Raster raster_of(const FilmPlan& plan);

}  // namespace chexworld::phantom
