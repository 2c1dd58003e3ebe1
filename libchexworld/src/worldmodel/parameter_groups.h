// SPDX-License-Identifier: Apache-2.0
//
// Which parameters share a learning rate and a weight decay (reference quirks 20 and 35).
#pragma once

#include "nn/module.h"

namespace chexworld {

struct ParameterGroup {
  std::vector<NamedTensor> parameters;
  double weight_decay = 0;
  double learning_rate_scale = 1;
};

/// First all 1-D tensors and names ending in ".bias", without decay; then the rest, with decay. Frozen parameters
/// are in neither.
std::vector<ParameterGroup> pretraining_groups(const std::vector<NamedTensor>& parameters, double weight_decay);

/// For fine-tuning: learning rates that shrink towards the input, scale = decay^(depth + 1 - id). Below
/// `encoder_prefix` ("feature_model."), the patch embedding and table have id 0, block i has i + 1; everything else
/// (final norm, head, decoder) has depth + 1 and so scale 1. 1-D tensors have no weight decay. Groups stand in the
/// order in which their first parameter does.
std::vector<ParameterGroup> layer_decay_groups(const std::vector<NamedTensor>& parameters,
                                               const std::string& encoder_prefix, std::int64_t depth,
                                               double layer_decay, double weight_decay);

}  // namespace chexworld
