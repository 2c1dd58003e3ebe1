// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/checkpoint.h"

#include <chexworld/tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace chexworld {

struct SourceTensor {
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;
};

/// Somebody's weights by name, whatever kind of file they are in. Not thread safe; views live as long as a copy of
/// this object.
struct WeightSource {
  std::string origin;
  std::map<std::string, SourceTensor> tensors;
  std::vector<SkippedValue> skipped;
  std::function<TensorView(const std::string& name)> view;  ///< throws Failure, e.g. for a wrong checksum
};

/// A torch checkpoint (zip or stream format) or a safetensors file, by its first bytes. Throws Failure.
WeightSource open_weights(const std::filesystem::path& path, const CheckpointLimits& limits = {});

/// From memory, which must outlive the result.
WeightSource weights_from_bytes(std::span<const std::byte> bytes, std::string origin,
                                const CheckpointLimits& limits = {});

}  // namespace chexworld
