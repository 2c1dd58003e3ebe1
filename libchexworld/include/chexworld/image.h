// SPDX-License-Identifier: Apache-2.0
//
// The two kinds of picture that everything passes around. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chexworld {

/// 8-bit grey picture, u8[height, width], rows from the top, 0 black.
struct GrayImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;

  std::uint8_t& at(int y, int x) { return pixels[std::size_t(y) * std::size_t(width) + std::size_t(x)]; }
  std::uint8_t at(int y, int x) const { return pixels[std::size_t(y) * std::size_t(width) + std::size_t(x)]; }
};

/// Stored values of one monochrome frame as DICOM means them (PS3.5 section 8.1.1), before any look-up table:
/// masked to the bits stored; where `is_signed`, sign extended to 16 bits in two's complement.
/// u16[rows, columns].
struct StoredPixels {
  int rows = 0;
  int columns = 0;
  int bits_stored = 16;  ///< 1 to 16
  bool is_signed = false;
  std::vector<std::uint16_t> samples;
};

}  // namespace chexworld
