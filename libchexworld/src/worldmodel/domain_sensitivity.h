// SPDX-License-Identifier: Apache-2.0
//
// Does the predictor understand its action? (specification, section 6; paper, section 5.1 and appendix B.2)
#pragma once

#include "worldmodel/world_model.h"

namespace chexworld {

/// n versions of one image, each augmented once more.
struct DomainCandidates {
  at::Tensor targets;            ///< f32[n,3,S,S]
  at::Tensor contexts;           ///< f32[n,3,S,S], context i made of target i
  at::Tensor actions;            ///< f32[n,A], by which; zeros show what the predictor does without
  at::Tensor context_positions;  ///< i64[1,Kc], the same for all
  at::Tensor target_positions;   ///< i64[1,Kt]
};

/// What the encoders make of them; the actions do not enter.
struct DomainEncodings {
  at::Tensor context;            ///< f32[n,Kc,D]
  at::Tensor target;             ///< f32[n,Kt,D], target features as in the loss
  at::Tensor context_positions;  ///< i64[1,Kc]
  at::Tensor target_positions;   ///< i64[1,Kt]
};

struct DomainSensitivity {
  at::Tensor target;     ///< f32[n,Kt,D]
  at::Tensor predicted;  ///< f32[n,Kt,D]
  at::Tensor distance;   ///< f32[n,n]: L2 norm over tokens and channels of (prediction i - target j)
  at::Tensor rank;       ///< i64[n]: how many targets are strictly closer to prediction i than target i is

  /// Share of ranks below k.
  double recall_at(std::int64_t k) const;
};

/// All without gradient; `chunk` images go through a network at once. Failure(kInvalidArgument) where counts differ.
DomainEncodings encode_candidates(const WorldModel& model, const DomainCandidates& candidates, std::int64_t chunk = 64);
/// `actions` f32[n,A]: what the predictor is told about each context.
DomainSensitivity domain_sensitivity(const WorldModel& model, const DomainEncodings& encodings,
                                     const at::Tensor& actions, std::int64_t chunk = 64);
DomainSensitivity domain_sensitivity(const WorldModel& model, const DomainCandidates& candidates,
                                     std::int64_t chunk = 64);

}  // namespace chexworld
