// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chexworld/export.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace chexworld {

/// Element types of safetensors files and of foreign checkpoints.
enum class DataType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

/// Bytes of one element, 1 to 8.
CHEXWORLD_API std::size_t size_of(DataType type);

/// The safetensors name, "F32", "BF16", "I64", ...
CHEXWORLD_API std::string_view name_of(DataType type);

/// A dense, row-major, little-endian array that somebody else owns (a mapped file, a buffer).
/// Plain value; valid as long as its owner.
struct TensorView {
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;   ///< outermost first; empty for a scalar
  std::span<const std::byte> bytes;  ///< element count times size_of(type)

  std::int64_t element_count() const {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    return count;
  }
};

}  // namespace chexworld
