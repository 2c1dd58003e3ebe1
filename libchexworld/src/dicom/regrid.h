// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/image.h"

namespace chexworld {

/// Where the samples of a reduced picture lie.
struct ReducedGrid {
  double height = 0;  ///< of the whole picture, in reduced pixels; rows may be a fraction more
  double width = 0;
  /// How far sample n lies before the middle of reduced pixel n. Area means: 0. Wavelet low bands keep the place of
  /// their first full pixel, almost half a reduced pixel before the middle.
  double lead = 0;
};

/// The picture on a grid of whole pixels that covers exactly its field of view: floor(height) x floor(width),
/// by bicubic interpolation (a = -0.5), clamped to the range of the bits stored.
StoredPixels regridded(StoredPixels pixels, const ReducedGrid& grid);

}  // namespace chexworld
