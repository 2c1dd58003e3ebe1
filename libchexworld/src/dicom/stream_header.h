// SPDX-License-Identifier: Apache-2.0
//
// What a compressed stream says about itself, read before its decoder sees it. Nothing is decoded here.
#pragma once

#include "dicom/pixel_module.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace chexworld {

/// JPEG (ITU-T T.81), JPEG-LS (T.87): the frame header. JPEG 2000 (T.800): SIZ and COD.
struct StreamHeader {
  std::string format;  ///< "JPEG", "JPEG-LS", "JPEG 2000"
  int width = 0;
  int height = 0;
  int components = 0;
  int precision = 0;  ///< bits per sample
  bool is_signed = false;
  bool ends_properly = false;  ///< the end mark is there

  int start_of_frame = 0;          ///< JPEG, JPEG-LS: second byte of the marker, 0xc0 to 0xcf and 0xf7
  bool names_colours = false;      ///< JPEG: a JFIF or Adobe marker says what the components are
  int wavelet_levels = 0;          ///< JPEG 2000
  std::size_t block_style_at = 0;  ///< JPEG 2000: offset of the code block style in COD (T.800 table A.19)
};

/// Both JPEG and JPEG-LS. Throws Failure(kMalformed, kUnsupported).
StreamHeader read_jpeg_header(std::span<const std::byte> stream);

/// A stream in two parts, so that the larger one need not be copied.
struct JpegParts {
  std::vector<std::byte> header;    ///< up to the frame header
  std::span<const std::byte> rest;  ///< the frame header and all that follows, part of the stream
};

/// The same picture with a header of nothing but marker segments: no fill bytes, no markers that stand alone, no
/// reserved ones, no comments (T.81 B.1.1.2). DCMTK 3.6.9 looks for the frame header on its own and never comes back
/// from some of them. `stream` is one that read_jpeg_header() takes.
JpegParts with_plain_header(std::span<const std::byte> stream);

/// A raw code stream, or one in a JP2 file (`stream` is moved to it). Throws Failure: kMalformed, and kTooLarge
/// for tiles, precincts and code blocks so small that their bookkeeping would exceed the picture.
StreamHeader read_jpeg2000_header(std::span<const std::byte>& stream);

/// Throws Failure(kMalformed) where the stream and the data set contradict each other.
void require_agreement(const StreamHeader& header, const PixelModule& module);

/// Walks an RLE frame (PS3.5 annex G) without decoding: every segment there, in order, and as long as a plane.
void check_rle(std::span<const std::byte> stream, const PixelModule& module);

}  // namespace chexworld
