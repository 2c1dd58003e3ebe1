// SPDX-License-Identifier: Apache-2.0
#include "bundle/crc32.h"

#include <array>
#include <cstring>

namespace chexworld {
namespace {

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

/// tables[k][b]: what byte b does to the register k bytes later.
constexpr Table make_tables() {
  Table tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t value = b;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0u);
    tables[0][b] = value;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 0xffu];
  }
  return tables;
}

constexpr Table kTables = make_tables();

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t value = 0xffffffffu;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint32_t low;
    std::uint32_t high;
    std::memcpy(&low, bytes.data(), 4);
    std::memcpy(&high, bytes.data() + 4, 4);
    low ^= value;
    value = kTables[7][low & 0xff] ^ kTables[6][low >> 8 & 0xff] ^ kTables[5][low >> 16 & 0xff] ^
            kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][high >> 8 & 0xff] ^
            kTables[1][high >> 16 & 0xff] ^ kTables[0][high >> 24];
  }
  for (const std::byte b : bytes) value = value >> 8 ^ kTables[0][(value ^ std::uint32_t(b)) & 0xff];
  return ~value;
}

}  // namespace chexworld
