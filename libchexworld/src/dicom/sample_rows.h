// SPDX-License-Identifier: Apache-2.0
//
// From samples in memory to stored values, row by row, and their area mean.
#pragma once

#include "dicom/codec.h"
#include "image/image.h"

#include <functional>

namespace chexworld {

/// Rows of values that are made when asked for. Where `is_signed`, values are two's complement.
struct RowSource {
  int rows = 0;
  int columns = 0;
  bool is_signed = false;
  int bits_stored = 16;
  std::function<void(int y, std::uint16_t* row)> read{};  ///< writes `columns` values
};

/// Stored values of a monochrome frame: moved down from the high bit, masked to the bits stored, sign extended
/// (PS3.5 section 8.1.1). Values of lossy streams that overshoot the bits stored are clamped, not wrapped.
/// `frame` must outlive the result.
RowSource stored_values(const RawFrame& frame, const PixelModule& module, bool lossy);

/// 8-bit luma of an RGB frame or the luma component of a YBR one.
RowSource luma(const RawFrame& frame, const PixelModule& module, bool components_are_rgb);

/// Every value replaced by `table[value]`, values beyond its end by the last entry; 8 bits.
RowSource looked_up(RowSource indices, std::vector<std::uint8_t> table);

/// Means of factor x factor values, rounded; those at the right and lower edge of what is there. factor <= 256.
StoredPixels area_mean(const RowSource& source, int factor, const Deadline& deadline);

}  // namespace chexworld
