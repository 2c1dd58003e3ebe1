// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/limits.h"

#include <cstddef>
#include <span>
#include <vector>

namespace chexworld {

/// The data set behind Deflated Explicit VR Little Endian (PS3.5 annex A.5, RFC 1951), stopped at
/// DecodeLimits::max_bytes. Throws Failure(kMalformed, kTooLarge, kTimeout).
std::vector<std::byte> inflate_dataset(std::span<const std::byte> deflated, const DecodeLimits& limits,
                                       const Deadline& deadline);

}  // namespace chexworld
