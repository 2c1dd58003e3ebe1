// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chexworld/tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

struct SafetensorsEntry {
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< byte offsets into the data
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Parses and checks the JSON header of a file whose data has `data_bytes` bytes; throws Failure.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes);

/// Element count times element size; throws Failure(kMalformed) for negative extents and overflow.
std::uint64_t byte_count(DataType type, const std::vector<std::int64_t>& shape);

}  // namespace chexworld
