// SPDX-License-Identifier: Apache-2.0
//
// A heat map over the film it belongs to, through OpenCV. Pure functions: safe from any thread.
#pragma once

#include "image/image.h"
#include "image/view_window.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chexworld {

/// u8[height, width, 3], red, green, blue; rows from the top. Plain value.
struct ColourImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

/// What is laid over a film.
struct HeatLayer {
  std::span<const float> values;  ///< f32[grid,grid], rows from the top
  int grid = 0;
  ViewWindow window;  ///< the part of the film that the grid divides
  /// The value with the fullest colour; 0: the largest that there is.
  double full_scale = 0;
};

/// Red where values are positive, blue where they are negative, the film's own grey where they are 0; a thin frame
/// around the part that the network saw. A scale beside the film says what the fullest colours mean. The film keeps its
/// size; the scale is added on the right.
/// Throws Failure(kInvalidArgument) for a grid without its values, values that are not finite, or a picture without
/// pixels.
ColourImage heat_overlay(const GrayImage& film, const HeatLayer& layer);

std::vector<std::byte> encode_png(const ColourImage& image);

}  // namespace chexworld
