// SPDX-License-Identifier: Apache-2.0
//
// One function per third-party decoder: a checked stream in, samples as they lie in memory out.
#pragma once

#include "dicom/pixel_module.h"
#include "dicom/stream_header.h"

#include <array>
#include <memory>

namespace chexworld {

/// Samples of one frame as a decoder (or the file) leaves them. The first component has its sample (y, x) at
/// component[0] + y * row_stride + x * pixel_stride, the others likewise.
struct RawFrame {
  int rows = 0;
  int columns = 0;
  int reduction = 1;  ///< full size over this size
  int components = 1;
  std::array<const std::byte*, 4> component{};
  std::size_t pixel_stride = 0;  ///< bytes
  std::size_t row_stride = 0;    ///< bytes
  int sample_bytes = 2;          ///< 1, 2 unsigned; 4 signed
  bool big_endian = false;
  bool shared_chroma = false;           ///< native YBR_FULL_422: Y Y Cb Cr
  int precision = 16;                   ///< significant bits
  std::shared_ptr<const void> owner{};  ///< keeps the samples alive; null where the file does
  std::vector<std::string> doubts{};
};

struct CodecInput {
  std::span<const std::byte> stream;
  const StreamHeader& header;  ///< agreed with `module`
  const PixelModule& module;
  const Deadline& deadline;
  int reduction = 1;  ///< wanted; a decoder that cannot leaves it at full size
};

/// libjpeg-turbo: baseline, extended and progressive in 8 bits; reduction 1, 2, 4 or 8 by scaled DCT.
RawFrame decode_jpeg(const CodecInput& input);
/// CharLS, full size only.
RawFrame decode_jpeg_ls(const CodecInput& input);
/// OpenJPEG: JPEG 2000 and HTJ2K; reduction 2^n, n at most the wavelet levels.
RawFrame decode_jpeg2000(const CodecInput& input);
/// DCMTK: 12-bit extended and lossless JPEG, full size only.
RawFrame decode_jpeg_dcmtk(const CodecInput& input);
/// DCMTK: RLE, full size only.
RawFrame decode_rle(const CodecInput& input);

}  // namespace chexworld
