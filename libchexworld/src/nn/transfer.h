// SPDX-License-Identifier: Apache-2.0
//
// Published encoder weights for another input or patch size (reference quirk 38).
#pragma once

#include "nn/state.h"

#include <chexworld/model.h>

namespace chexworld {

/// Encoder weights as `config` wants them: the position table is resized to its grid and the patch kernel to its
/// patch size, both bicubically (nn/position.h), where they differ. Other tensors are passed on.
/// Throws Failure(kMalformed) where table or kernel are missing or have no such shape.
State adapted_encoder_state(const State& encoder, const EncoderConfig& config);

}  // namespace chexworld
