// SPDX-License-Identifier: Apache-2.0
//
// Everything one training sample is made of, on one picture, for people to look at.
#pragma once

#include "views/dual_view.h"
#include "views/masks.h"

namespace chexworld {

/// Two rows, one per view, of five tiles: the jittered film with the view's crop outlined, the view, its context,
/// the patches of the context that the encoder sees, the patches of the view that are to be predicted.
/// `masks`: one per view, on the grid of `grid` patches. Pure: safe from any thread.
/// Throws Failure(kInvalidArgument) where a mask names a patch that the grid has not.
GrayImage contact_sheet(const GrayImage& film, const DualViewPlan& plan, int size,
                        const std::array<SampleMasks, 2>& masks, PixelSize grid);

}  // namespace chexworld
