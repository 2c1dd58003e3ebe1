// SPDX-License-Identifier: Apache-2.0
//
// Gradient checkpointing: less memory for more arithmetic.
#pragma once

#include "nn/module.h"

#include <functional>

namespace chexworld {

/// segment(input), keeping only `input` for the backward pass, which runs the segment again.
/// Gradients are those of the plain call. `parameters` are all trainable tensors that the segment uses; they and
/// whatever the segment refers to must live until the backward pass. The segment must be a pure function of its
/// input: anything random is drawn outside and captured.
at::Tensor recomputed_in_backward(std::function<at::Tensor(const at::Tensor&)> segment, const at::Tensor& input,
                                  const std::vector<NamedTensor>& parameters);

}  // namespace chexworld
