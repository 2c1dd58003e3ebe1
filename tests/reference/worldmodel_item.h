// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "reference/torch_item.h"
#include "worldmodel/objective.h"

#include <c10/core/InferenceMode.h>

namespace chexworld::test {

/// From the keys "encoder" and "predictor".
inline WorldModelConfig world_model_config(const Json& json) {
  WorldModelConfig config;
  config.encoder = encoder_config(json.at("encoder"));
  config.predictor = predictor_config(json.at("predictor"), config.encoder);
  return config;
}

/// The eight tensors, the index sets and the permutation below `prefix`.
inline DualViewBatch dual_view_batch(TorchItem& item, const std::string& prefix) {
  const auto get = [&](const char* key) { return item.torch(prefix + key); };
  DualViewBatch batch;
  batch.view1 = get("image1");
  batch.view2 = get("image2");
  batch.augmented1 = get("image_aug1");
  batch.augmented2 = get("image_aug2");
  batch.action1 = get("aug_params1");
  batch.action2 = get("aug_params2");
  batch.relative_position21 = get("rel_pos_21");
  batch.relative_position12 = get("rel_pos_12");
  batch.share_positions(get("masks_enc.0"), get("masks_pred.0"), get("shuffle"));
  return batch;
}

/// The released code's option names. Unknown ones fail the test.
inline Objective objective_from(const Json& options) {
  expect_known_keys(options,
                    {"loss_type", "extra_mean", "extra_loss_weight", "target_last_k", "target_norm_type", "reg_weight",
                     "iwm_disable", "rel_pos_disable", "reverse_pred"},
                    "options");
  expect_only(options, "target_norm_type", "avg_ln");
  const std::string distance = options.value("loss_type", "l2");
  EXPECT_TRUE(distance == "l1" || distance == "l2") << "no test understands the loss type " << distance;
  Objective objective;
  objective.distance = distance == "l1" ? Distance::kSmoothL1 : Distance::kMeanSquared;
  objective.combination = options.value("extra_mean", true) ? Combination::kWeightedMean : Combination::kWeightedSum;
  objective.global_weight = options.value("extra_loss_weight", 1.0);
  objective.target_layers = options.value("target_last_k", std::int64_t{1});
  objective.variance_weight = options.value("reg_weight", 0.0);
  objective.disable_action = options.value("iwm_disable", false);
  objective.disable_relative_position = options.value("rel_pos_disable", false);
  objective.reverse = options.value("reverse_pred", false);
  return objective;
}

inline bool any_starts_with(const TorchItem& item, const std::string& prefix) {
  const auto found = item.tensors().lower_bound(prefix);
  return found != item.tensors().end() && found->first.starts_with(prefix);
}

}  // namespace chexworld::test
