// SPDX-License-Identifier: Apache-2.0
//
// The I-JEPA objective, as RadJEPA uses it: one view, one context, several target blocks that are predicted
// separately, no action (specification, section 7).
#pragma once

#include "worldmodel/objective.h"

namespace chexworld {

struct MaskedBatch {
  at::Tensor images;                         ///< f32[B,3,S,S]
  at::Tensor context_positions;              ///< i64[B,Kc]
  std::vector<at::Tensor> target_positions;  ///< i64[B,Kt] each; lengths may differ
};

/// One term per target list. Whether mask tokens carry the absolute table (I-JEPA) or the relative one at zero (the
/// released CheXWorld code) is the predictor's `absolute_queries`; it must have no policy network.
std::vector<Term> masked_terms(const WorldModel& model, const MaskedBatch& batch);

/// Mean over all elements of all terms; I-JEPA uses smooth L1.
at::Tensor masked_loss(const std::vector<Term>& terms, Distance distance = Distance::kSmoothL1);

}  // namespace chexworld
