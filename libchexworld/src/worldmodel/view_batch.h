// SPDX-License-Identifier: Apache-2.0
//
// From views, plans and masks to the batch that the objective takes. Pure functions; tensors follow LibTorch's rules.
#pragma once

#include "image/adjust.h"
#include "views/masks.h"
#include "worldmodel/objective.h"
#include "worldmodel/tensor_augment.h"

#include <span>

namespace chexworld {

/// Samples of the 8-bit path, side by side on `device`; all views must have one size.
GrayDualViews stack_dual_views(std::span<const DualView> samples, at::Device device);

/// The objective's batch on the device of `gray`: pictures normalised, actions and relative positions from the plans,
/// index sets from the first context and target table of `masks`; those of view 2 are the rows in the order `shuffle`.
/// Throws Failure(kInvalidArgument) where the parts are not of one batch size.
DualViewBatch view_batch(const GrayDualViews& gray, std::span<const DualViewPlan> plans, const MaskBatch& masks,
                         std::span<const std::int64_t> shuffle, const Normalization& normalization);

/// f32[B, 5], f32[B, 4] and i64[B, K] on `device`.
at::Tensor action_tensor(std::span<const Action> actions, at::Device device);
at::Tensor position_tensor(std::span<const RelativePosition> positions, at::Device device);
at::Tensor index_tensor(const IndexTable& table, at::Device device);

}  // namespace chexworld
