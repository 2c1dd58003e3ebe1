// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/structure_check.h"

#include <string_view>

namespace chexworld {

/// Which kind of stream Pixel Data holds.
enum class PixelCodec {
  kNative,
  kRle,
  kJpeg,          ///< processes 1, 2 and 4: baseline and extended, 8 and 12 bits
  kJpegLossless,  ///< process 14, any selection value
  kJpegLs,
  kJpeg2000,  ///< with HTJ2K
  kOther,     ///< known, not handled: video, multi-component, JPIP, JPEG XL, retired processes
};

struct TransferSyntax {
  std::string_view uid;
  std::string_view name;  ///< PS3.6 table A-1
  ElementEncoding encoding = ElementEncoding::kExplicitLittle;
  PixelCodec codec = PixelCodec::kNative;
  bool lossy = false;  ///< information may have been lost
  bool deflated = false;

  bool encapsulated() const { return codec != PixelCodec::kNative; }
};

/// Throws Failure(kUnsupported) for a UID that is not known.
const TransferSyntax& transfer_syntax(std::string_view uid);

}  // namespace chexworld
