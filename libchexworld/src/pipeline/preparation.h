// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/item.h"
#include "sandbox/decoder.h"

#include <memory>

namespace chexworld {

/// An item's content as far as it is known before inference. Where the gate skips it, `pixels` is empty.
struct PreparedItem {
  RadiographResult result;  ///< without model and numbers
  std::vector<float> pixels;
};

/// Content other than NormalizedPixels. Throws Failure.
PreparedItem prepare_item(const PipelineItem& item, const PreparationRecipe& recipe, RadiographDecoder& decoder);

}  // namespace chexworld
