// SPDX-License-Identifier: Apache-2.0
//
// Compressed streams for tests and benchmarks, by the encoders of the libraries that also decode.
#pragma once

#include "support/dicom_shell.h"

namespace chexworld::test {

/// Samples to compress: u16[rows, columns, components], values below 2^bits.
struct Picture {
  int rows = 0;
  int columns = 0;
  int components = 1;
  int bits = 12;
  std::vector<std::uint16_t> samples;
};

/// A deterministic picture with what compressors care about: slow shades, edges and noise.
Picture synthetic_film(int rows, int columns, int bits, int components = 1);

/// Samples as native Pixel Data holds them, little endian; 8 bits allocated where bits <= 8.
Bytes native_samples(const Picture& picture);
/// The module that fits the picture.
ShellImage shell_for(const Picture& picture);

Bytes encode_jpeg(const Picture& picture, int quality);           ///< baseline, 8 bits
Bytes encode_jpeg_ls(const Picture& picture, int near_lossless);  ///< 0: lossless
/// `ratio` 0: reversible, else irreversible at about this compression ratio.
Bytes encode_jpeg2000(const Picture& picture, double ratio, int wavelet_levels = 5);

/// Whole files by DCMTK: RLE, JPEG lossless (.57, .70) or extended (.51).
Bytes encode_with_dcmtk(const Picture& picture, std::string_view transfer_syntax_uid);

}  // namespace chexworld::test
