// SPDX-License-Identifier: Apache-2.0
//
// Regions of a film as masks: from what a network says about its square to the film, compared, and shown.
// Pure functions: safe from any thread. Failure(kInvalidArgument) for pictures that do not fit together.
#pragma once

#include "image/heat_overlay.h"
#include "image/resample.h"
#include "image/view_window.h"

namespace chexworld {

/// Values of the network's square at every pixel of a film, bilinear between the square's pixels; `outside` where the
/// square does not reach. `window`: where it lies on the film.
FloatImage on_film(const FloatImage& square, const ViewWindow& window, PixelSize film, float outside = 0);

/// u8: 255 from `threshold` on, else 0.
GrayImage mask_from(const FloatImage& values, float threshold);
/// A mask file's picture: 255 above half of its largest value, so that 0 and 1 say the same as 0 and 255.
GrayImage binary_mask(GrayImage picture);
bool is_empty(const GrayImage& mask);

/// Of two regions of one film; 1 where both are empty.
struct RegionOverlap {
  double dice = 0;  ///< 2 |A and B| / (|A| + |B|)
  double iou = 0;   ///< |A and B| / |A or B|
};
RegionOverlap overlap(const GrayImage& found, const GrayImage& truth);

/// The film with the region in orange; the outline of `truth` in blue, if there is one.
ColourImage region_overlay(const GrayImage& film, const GrayImage& region, const GrayImage* truth = nullptr);

}  // namespace chexworld
