// SPDX-License-Identifier: Apache-2.0
#include "dicom/transfer_syntax.h"

#include "base/failure.h"

#include <algorithm>
#include <array>
#include <string>

namespace chexworld {
namespace {

constexpr auto kExplicit = ElementEncoding::kExplicitLittle;

constexpr auto kSyntaxes = std::to_array<TransferSyntax>({
    {"1.2.840.10008.1.2", "Implicit VR Little Endian", ElementEncoding::kImplicitLittle},
    {"1.2.840.10008.1.2.1", "Explicit VR Little Endian"},
    {"1.2.840.10008.1.2.2", "Explicit VR Big Endian", ElementEncoding::kExplicitBig},
    {"1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", kExplicit, PixelCodec::kNative, false, true},
    {"1.2.840.10008.1.2.1.98", "Encapsulated Uncompressed Explicit VR Little Endian", kExplicit, PixelCodec::kOther},
    {"1.2.840.10008.1.2.5", "RLE Lossless", kExplicit, PixelCodec::kRle},
    {"1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", kExplicit, PixelCodec::kJpeg, true},
    {"1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)", kExplicit, PixelCodec::kJpeg, true},
    {"1.2.840.10008.1.2.4.53", "JPEG Spectral Selection (retired)", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.55", "JPEG Full Progression (retired)", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.57", "JPEG Lossless (Process 14)", kExplicit, PixelCodec::kJpegLossless},
    {"1.2.840.10008.1.2.4.70", "JPEG Lossless (Process 14, Selection Value 1)", kExplicit, PixelCodec::kJpegLossless},
    {"1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", kExplicit, PixelCodec::kJpegLs},
    {"1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", kExplicit, PixelCodec::kJpegLs, true},
    {"1.2.840.10008.1.2.4.90", "JPEG 2000 (Lossless Only)", kExplicit, PixelCodec::kJpeg2000},
    {"1.2.840.10008.1.2.4.91", "JPEG 2000", kExplicit, PixelCodec::kJpeg2000, true},
    {"1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 (Lossless Only)", kExplicit, PixelCodec::kOther},
    {"1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.94", "JPIP Referenced", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", kExplicit, PixelCodec::kOther, true, true},
    {"1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.101", "MPEG2 Main Profile / High Level", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 for 2D Video", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 for 3D Video", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 Stereo", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.110", "JPEG XL Lossless", kExplicit, PixelCodec::kOther},
    {"1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.112", "JPEG XL", kExplicit, PixelCodec::kOther, true},
    {"1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (Lossless Only)", kExplicit, PixelCodec::kJpeg2000},
    {"1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL (Lossless Only)", kExplicit,
     PixelCodec::kJpeg2000},
    {"1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", kExplicit, PixelCodec::kJpeg2000, true},
});

bool looks_like_uid(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

const TransferSyntax& transfer_syntax(std::string_view uid) {
  const auto found = std::find_if(kSyntaxes.begin(), kSyntaxes.end(), [&](const auto& s) { return s.uid == uid; });
  if (found != kSyntaxes.end()) return *found;
  const std::string shown = looks_like_uid(uid) ? std::string(uid) : "that is no UID";
  fail(ErrorCode::kUnsupported, "Transfer Syntax UID (0002,0010) " + shown +
                                    " is not known; convert the object to Explicit VR Little Endian first");
}

}  // namespace chexworld
