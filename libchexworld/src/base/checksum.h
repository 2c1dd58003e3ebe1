// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace chexworld {

/// CRC-32C (Castagnoli), with the processor's instruction where it has one.
std::uint32_t crc32c(std::span<const std::byte> bytes);

/// The version that needs no instruction.
std::uint32_t crc32c_portable(std::span<const std::byte> bytes);

}  // namespace chexworld
