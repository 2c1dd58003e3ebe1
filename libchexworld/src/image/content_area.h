// SPDX-License-Identifier: Apache-2.0
//
// Where the picture is inside its frame: black borders and collimated margins found and left out.
#pragma once

#include "image/geometry.h"
#include "image/image.h"

namespace chexworld {

/// Which uniform margins are left out.
struct TrimOptions {
  bool black_border = false;  ///< margins that are uniformly black
  bool collimation = false;   ///< margins of any one grey: shutters drawn black or white, unexposed plate

  friend bool operator==(const TrimOptions&, const TrimOptions&) = default;
};

/// The part of `image` inside its uniform margins; parallel to the picture's sides, so a turned collimator is
/// left alone. A margin is made of whole rows or columns of one grey, with room for a marker's letters and for
/// noise. Where little would be left the whole picture is returned: then what was found is no margin.
PixelRect content_area(const GrayImage& image, const TrimOptions& options);

/// Means of square blocks, as few as bring the longest side down to `longest_side`; the picture itself if it is small.
GrayImage area_reduced(const GrayImage& image, int longest_side);

/// Share of the picture's area outside content_area(image, {black_border}), 0 to 1.
double black_border_share(const GrayImage& image);

}  // namespace chexworld
