// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>

namespace chexworld {

/// The number of rows at which codes are centred next: 16, 128, 1024, 8192, then never again. The mean of 8192
/// embeddings is as good as that of all.
constexpr std::size_t next_centring(std::size_t rows) {
  for (std::size_t at = 16; at <= 8192; at *= 8)
    if (rows < at) return at;
  return std::numeric_limits<std::size_t>::max();
}

}  // namespace chexworld
