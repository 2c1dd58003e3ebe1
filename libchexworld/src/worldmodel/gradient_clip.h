// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nn/module.h"

namespace chexworld {

/// The L2 norm over all gradients, f32[] on their device, before clipping. Where `largest_norm` is above 0, scales
/// them by min(1, largest_norm / (norm + 1e-6)) (reference quirk 21). Parameters without gradient do not count.
at::Tensor clip_gradients(const std::vector<NamedTensor>& parameters, double largest_norm);

}  // namespace chexworld
