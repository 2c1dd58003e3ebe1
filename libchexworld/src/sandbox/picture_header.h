// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/limits.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace chexworld {

struct PictureHeader {
  std::int64_t width = 0;  ///< pixels
  std::int64_t height = 0;
};

/// What a PNG or JPEG file says of its size; nothing for other bytes, DICOM files among them. Throws
/// Failure(kMalformed) for a header that breaks off.
std::optional<PictureHeader> read_picture_header(std::span<const std::byte> bytes);

/// Throws Failure(kTooLarge) over the limit on pixels.
void require_within(const PictureHeader& header, const DecodeLimits& limits);

}  // namespace chexworld
