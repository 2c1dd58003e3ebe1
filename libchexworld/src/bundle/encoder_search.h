// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/vit_import.h"

#include <string>

namespace chexworld {

/// The prefix, with its dot, of the encoder that the options ask for; throws Failure listing what there is.
std::string find_encoder(const WeightSource& source, ImportOptions::Component component);

/// The encoder's shape as its tensors have it; throws Failure.
EncoderShape infer_encoder_shape(const WeightSource& source, const std::string& prefix, const ImportOptions& options);

/// Rows of a position table [1,N,D] or [N,D] that stand before the patches: 0, or 1 with a class token.
std::int64_t leading_rows(const std::vector<std::int64_t>& table);

}  // namespace chexworld
