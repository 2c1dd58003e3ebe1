// SPDX-License-Identifier: Apache-2.0
//
// Everything that can be chosen about learning findings from labels: what fine-tuning has in common, head and labels.
#pragma once

#include "trainer/finetune/fit_config.h"

#include <chexworld/bundle.h>

#include <string>
#include <vector>

namespace chexworld {

struct FinetuneConfig : FitConfig {
  std::string head = "fc";           ///< fc, norm_fc, attn, mlp
  std::int64_t attention_heads = 0;  ///< of attn; 0: as many as the encoder has

  // labels and loss
  std::string uncertain = "ignore";  ///< or zero, one, a target from 0 to 1
  bool class_weights = true;         ///< both sides of a finding, and all classes, weigh the same
  double label_smoothing = 0;

  // what becomes of the scores
  std::string calibration = "platt";  ///< or temperature, none
  std::string threshold = "youden";   ///< or f1, sensitivity=X, specificity=X, a number
};

std::vector<SettingInfo> finetune_settings();
/// Takes the keys of `object`; throws Failure(kInvalidArgument) naming what is unknown or impossible.
void apply_settings(FinetuneConfig& config, const Json& object, const std::string& where);
Json to_json(const FinetuneConfig& config);

/// Throws Failure(kInvalidArgument) for settings that do not fit together.
void check(const FinetuneConfig& config);

}  // namespace chexworld
