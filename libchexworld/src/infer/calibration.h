// SPDX-License-Identifier: Apache-2.0
//
// Activation statistics on disk: a safetensors file with f32 tensors "block.I.STAGE.least", ".most" and ".mean" (STAGE:
// attention_input, attention_output, mlp_input: f32[D]; mlp_hidden: f32[mlp_width]), and "int8" u8[depth,2]: whether
// attention (qkv, proj) and MLP (fc1, fc2) of a block are computed in 8 bits.
#pragma once

#include "infer/backend.h"

#include <filesystem>
#include <vector>

namespace chexworld {

/// Whether the linear layers of a block's attention (qkv, proj) and of its MLP (fc1, fc2) are computed in 8 bits.
struct BlockInt8 {
  bool attention = true;
  bool mlp = true;

  friend bool operator==(const BlockInt8&, const BlockInt8&) = default;
};
using Int8Choice = std::vector<BlockInt8>;

struct StoredCalibration {
  Calibration statistics;
  Int8Choice int8;
};

/// Throws Failure naming the file.
void write_calibration(const std::filesystem::path& path, const StoredCalibration& calibration);
/// Throws Failure: kNotFound, kMalformed (also where it belongs to an encoder of other sizes).
StoredCalibration read_calibration(const std::filesystem::path& path, const EncoderShape& shape);

}  // namespace chexworld
