// SPDX-License-Identifier: Apache-2.0
//
// From Pixel Data to stored values, whole or straight to a smaller size.
#pragma once

#include "dicom/dicom_file.h"
#include "image/image.h"

#include <string>
#include <vector>

namespace chexworld {

struct DecodeRequest {
  int frame = 0;       ///< from 0
  int short_side = 0;  ///< 0: full size. Else any reduction whose short side is at least this many pixels
};

/// How a frame gets decoded; known without decoding it.
struct DecodePlan {
  std::string transfer_syntax;  ///< name, e.g. "JPEG 2000 Image Compression (Lossless Only)"
  std::string decoder;          ///< e.g. "OpenJPEG", "mapped file"
  std::string reducer;          ///< "" at full size, else e.g. "wavelet levels", "scaled DCT", "area mean"
  int reduction = 1;            ///< full size over result, in each direction
  int rows = 0, columns = 0;    ///< full size
  bool lossy = false;           ///< whether the transfer syntax loses information
  bool colour = false;          ///< the result is luma, 8 bits

  /// "OpenJPEG at 1/8 (wavelet levels)"
  std::string path() const;
};

/// Stored values (PS3.5 section 8.1.1). Colour (RGB, YBR, PALETTE COLOR) has become 8-bit luma (ITU-R BT.601).
///
/// A reduced picture covers exactly the field of view of the full one: it can be resized as if it were the full
/// one. Its size is floor(plan.rows / plan.reduction) x floor(plan.columns / plan.reduction).
struct DecodedFrame {
  StoredPixels pixels;
  DecodePlan plan;
  std::vector<std::string> doubts;  ///< damage that the decoder got over: the picture may be wrong
};

/// Throws Failure for what cannot be decoded: kMalformed, kUnsupported, kTooLarge, kTimeout.
DecodePlan plan_decode(const DicomFile& file, const DecodeRequest& request = {});

/// Decodes one frame. The stream's own header and the data set must agree before anything is allocated.
/// Throws as plan_decode does.
DecodedFrame decode_frame(const DicomFile& file, const DecodeRequest& request = {});

}  // namespace chexworld
