// SPDX-License-Identifier: Apache-2.0
//
// What all DICOM fuzzers do with an object: everything a worker does, under small limits, with nothing but Failures
// coming out.
#pragma once

#include "base/failure.h"
#include "dicom/decode.h"

#include <cstdint>
#include <cstdlib>
#include <span>

namespace chexworld::fuzz {

inline DecodeLimits small_limits() {
  DecodeLimits limits;
  limits.max_bytes = 32u << 20;
  limits.max_pixels = 1u << 20;
  return limits;
}

/// What must hold for every picture that comes out.
inline void require_sound(const DecodedFrame& frame) {
  const StoredPixels& pixels = frame.pixels;
  const bool sized = pixels.rows > 0 && pixels.columns > 0 &&
                     pixels.samples.size() == std::size_t(pixels.rows) * std::size_t(pixels.columns);
  if (!sized || pixels.bits_stored < 1 || pixels.bits_stored > 16) std::abort();
  const unsigned most = (1u << pixels.bits_stored) - 1;
  for (const std::uint16_t sample : pixels.samples) {
    if (!pixels.is_signed && sample > most) std::abort();
  }
}

inline void decode_everything(std::span<const std::byte> bytes) {
  for (const int short_side : {0, 24}) {
    try {
      const DicomFile file = DicomFile::from_view(bytes, small_limits());
      require_sound(decode_frame(file, {.short_side = short_side}));
    } catch (const Failure&) {  // the only exception that may come out
    }
  }
}

}  // namespace chexworld::fuzz
