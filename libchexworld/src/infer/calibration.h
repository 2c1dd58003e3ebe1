// SPDX-License-Identifier: Apache-2.0
//
// Activation ranges on disk: a safetensors file with f32 tensors "block.I.STAGE.least" and "block.I.STAGE.most"
// (STAGE: attention_input, attention_output, mlp_input: f32[D]; mlp_hidden: f32[1]), and "int8" u8[depth,4]: which of
// qkv, proj, fc1, fc2 are computed in 8 bits.
#pragma once

#include "infer/backend.h"

#include <array>
#include <filesystem>
#include <vector>

namespace chexworld {

/// Which of qkv, proj, fc1, fc2 of a block are computed in 8 bits.
using Int8Choice = std::vector<std::array<bool, 4>>;

struct StoredCalibration {
  Calibration ranges;
  Int8Choice int8;
};

/// Throws Failure naming the file.
void write_calibration(const std::filesystem::path& path, const StoredCalibration& calibration);
/// Throws Failure: kNotFound, kMalformed (also where it belongs to an encoder of other sizes).
StoredCalibration read_calibration(const std::filesystem::path& path, const EncoderShape& shape);

}  // namespace chexworld
