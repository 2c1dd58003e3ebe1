// SPDX-License-Identifier: Apache-2.0
//
// The encoder on LibTorch: the plain reference on the CPU, and CUDA.
#pragma once

namespace chexworld {

/// Makes EngineOptions::backend = kTorch possible. libchexworld.so does so when it is loaded; programs that link the
/// rooms call it once at the start.
void use_torch_backend();

}  // namespace chexworld
