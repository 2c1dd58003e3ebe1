// SPDX-License-Identifier: Apache-2.0
//
// The encoder on oneDNN: f32, bf16, or a mixture of int8 and bf16.
#pragma once

#include "infer/backend.h"
#include "infer/calibration.h"
#include "infer/packed_linear.h"

#include <memory>
#include <string>
#include <vector>

namespace chexworld {

struct OneDnnOptions {
  LinearType wide = LinearType::kF32;       ///< f32 or bf16: of everything that is not int8
  Int8Choice int8 = {};                     ///< one per block; empty for none
  const Calibration* statistics = nullptr;  ///< needed with int8
  int threads = 1;
};

/// Whether this processor has the instructions (bf16: AVX512_BF16 or AMX; int8: VNNI or AMX).
bool processor_has(LinearType type);
/// "oneDNN 3.7.2"
std::string onednn_version();
/// The widest instruction set that oneDNN uses here, e.g. "avx512_core_bf16".
std::string onednn_instructions();

/// Throws Failure (kResourceExhausted, kInternal with oneDNN's words).
std::unique_ptr<Backend> make_onednn_backend(const EncoderWeights& weights, const OneDnnOptions& options);

}  // namespace chexworld
