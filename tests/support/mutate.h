// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

namespace chexworld::test {

/// A damaged copy: some bytes changed, most of them near the start where headers lie, and perhaps a piece cut out,
/// doubled, or the end missing.
inline std::vector<std::byte> mutated(std::vector<std::byte> bytes, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return std::size_t(random() % std::max<std::size_t>(bound, 1)); };
  if (bytes.empty()) return bytes;
  for (std::size_t i = 1 + below(12); i > 0; --i) {
    const std::size_t reach = below(4) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 3000);
    bytes[below(reach)] = below(3) == 0 ? std::byte(0xff) : std::byte(random());
  }
  const std::size_t from = below(bytes.size()), length = below(std::min<std::size_t>(bytes.size() - from, 5000));
  const auto first = bytes.begin() + std::ptrdiff_t(from), last = first + std::ptrdiff_t(length);
  switch (below(6)) {
    case 0: bytes.erase(first, last); break;
    case 1: bytes.resize(from); break;
    case 2: {
      const std::vector<std::byte> piece(first, last);
      bytes.insert(first, piece.begin(), piece.end());
      break;
    }
    default: break;
  }
  return bytes;
}

}  // namespace chexworld::test
