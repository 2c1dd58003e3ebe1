// SPDX-License-Identifier: Apache-2.0
//
// The same numbers with fewer launches: rows of equal lengths go through a network at once.
#pragma once

#include "nn/encoder.h"
#include "nn/predictor.h"

namespace chexworld {

struct ContextInput {
  at::Tensor images;     ///< f32[B,3,S,S]
  at::Tensor positions;  ///< i64[B,Kc]
};

/// One f32[B,Kc,D] per input, in as many forward passes as there are different shapes.
std::vector<at::Tensor> encode_together(const VisionTransformer& encoder, const std::vector<ContextInput>& inputs);

/// One f32[R,Kt,D] per input, in as many forward passes as there are different (Kc, Kt).
/// Actions and relative positions must be given for all inputs or for none.
std::vector<at::Tensor> predict_together(const Predictor& predictor, const std::vector<PredictorInput>& inputs);

}  // namespace chexworld
