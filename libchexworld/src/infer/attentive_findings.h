// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "infer/encoder_weights.h"
#include "infer/findings_head.h"

namespace chexworld {

/// The head "attn" of a bundle that has one. Throws as read_findings_head().
std::unique_ptr<FindingsHead> read_attentive_findings(const WeightReader& reader, const BundleConfig& config);

}  // namespace chexworld
