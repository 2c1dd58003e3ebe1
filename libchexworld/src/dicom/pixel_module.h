// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/dicom_file.h"

#include <cstdint>

namespace chexworld {

enum class Photometric {
  kMonochrome1,
  kMonochrome2,
  kPaletteColor,
  kRgb,
  kYbrFull,
  kYbrFull422,
  kYbrIct,
  kYbrRct,
};

/// The Image Pixel Module (PS3.3 section C.7.6.3), checked: every field is in its range and fits the others.
struct PixelModule {
  int rows = 0;
  int columns = 0;
  int samples_per_pixel = 1;
  int bits_allocated = 16;  ///< 8 or 16
  int bits_stored = 16;     ///< 1 to bits_allocated
  int high_bit = 15;        ///< bits_stored - 1 to bits_allocated - 1
  bool is_signed = false;
  bool planar = false;  ///< Planar Configuration 1: all of one colour, then all of the next
  int frames = 1;
  Photometric photometric = Photometric::kMonochrome2;

  bool colour() const { return photometric != Photometric::kMonochrome1 && photometric != Photometric::kMonochrome2; }
  std::uint64_t pixels() const { return std::uint64_t(rows) * std::uint64_t(columns); }
  /// One uncompressed frame as native Pixel Data holds it.
  std::uint64_t frame_bytes() const;
};

/// Throws Failure: kMalformed naming the attribute, kUnsupported, kTooLarge.
PixelModule read_pixel_module(const DicomFile& file);

}  // namespace chexworld
