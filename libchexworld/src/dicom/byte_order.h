// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace chexworld {

/// Numbers as they lie in a file, at any alignment.
inline std::uint16_t load_le16(const std::byte* p) { return std::uint16_t(unsigned(p[0]) | unsigned(p[1]) << 8); }
inline std::uint16_t load_be16(const std::byte* p) { return std::uint16_t(unsigned(p[0]) << 8 | unsigned(p[1])); }
inline std::uint32_t load_le32(const std::byte* p) { return load_le16(p) | std::uint32_t(load_le16(p + 2)) << 16; }
inline std::uint32_t load_be32(const std::byte* p) { return std::uint32_t(load_be16(p)) << 16 | load_be16(p + 2); }

}  // namespace chexworld
