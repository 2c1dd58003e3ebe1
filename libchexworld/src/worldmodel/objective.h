// SPDX-License-Identifier: Apache-2.0
//
// The unified objective of CheXWorld: local anatomy, global layout and domain variation in one loss
// (specification, section 3; paper, section 4.4; reference quirks 12 to 16).
#pragma once

#include "worldmodel/world_model.h"

namespace chexworld {

/// One batch of dual views. Positions are patch numbers; the two views may have index sets of their own.
struct DualViewBatch {
  at::Tensor view1, view2;                           ///< f32[B,3,S,S]
  at::Tensor augmented1, augmented2;                 ///< f32[B,3,S,S]
  at::Tensor action1, action2;                       ///< f32[B,A], what made augmentedN of viewN
  at::Tensor relative_position21;                    ///< f32[B,4], view 2 in the frame of view 1
  at::Tensor relative_position12;                    ///< f32[B,4], view 1 in the frame of view 2
  at::Tensor context_positions1, target_positions1;  ///< i64[B,Kc], i64[B,Kt]
  at::Tensor context_positions2, target_positions2;

  /// As published: the index sets of view 2 are those of view 1, rows permuted by `shuffle` i64[B].
  void share_positions(const at::Tensor& context, const at::Tensor& target, const at::Tensor& shuffle);
};

enum class Distance { kMeanSquared, kSmoothL1 };  ///< smooth L1 with beta 1; means over all elements

/// How the four terms become one; w is Objective::global_weight.
enum class Combination {
  kWeightedMean,  ///< (intra + w*extra) / (1 + w), intra = (l11+l22)/2, extra = (l21+l12)/2: the released default
  kWeightedSum,   ///< intra + w*extra
  kPlainSum,      ///< l11 + l22 + w*(l21 + l12): the paper's equation
};

struct Objective {
  Distance distance = Distance::kMeanSquared;
  Combination combination = Combination::kWeightedMean;
  double global_weight = 1;
  bool global = true;  ///< predict the other view too; false: "local only", "local + domain" of the paper's table 3
  bool domain = true;  ///< contexts are augmented; false: plain contexts and no action, "local only", "local + global"
  bool all_patches = false;  ///< the global terms cover all patches of the target view (the paper's text)
  std::int64_t target_layers = 1;
  double variance_weight = 0;              ///< of mean(relu(1 - deviation)), added at the end
  bool disable_action = false;             ///< actions are zeros (ablation)
  bool disable_relative_position = false;  ///< relative positions are zeros (ablation)
  bool reverse = false;                    ///< predict the augmented views from the plain ones
};

/// A prediction and what it should have been, both f32[B,K,D]. Undefined where the objective has no such term.
struct Term {
  at::Tensor predicted, target;
};

/// 11: view 1 from view 1, 21: view 2 from view 1, and so on.
struct WorldModelTerms {
  Term term11, term22, term21, term12;
};

/// Scalars. Only `loss` carries a gradient.
struct WorldModelLoss {
  at::Tensor loss;
  at::Tensor intra, extra;  ///< undivided; extra undefined without global terms
  at::Tensor l11, l22, l21, l12;
  at::Tensor deviation;  ///< mean over batch and channels of the predictions' standard deviation over tokens
};

/// One forward pass for both targets, one for both contexts, one for all predictions, as far as the lengths of the
/// index sets allow.
WorldModelTerms world_model_terms(const WorldModel& model, const DualViewBatch& batch, const Objective& objective);
WorldModelLoss world_model_loss(const WorldModelTerms& terms, const Objective& objective);
inline WorldModelLoss world_model_loss(const WorldModel& model, const DualViewBatch& batch,
                                       const Objective& objective) {
  return world_model_loss(world_model_terms(model, batch, objective), objective);
}

/// The mean over all elements, in float32.
at::Tensor distance_between(const at::Tensor& predicted, const at::Tensor& target, Distance distance);

}  // namespace chexworld
