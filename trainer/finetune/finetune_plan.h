// SPDX-License-Identifier: Apache-2.0
//
// Which models a fine-tuning run trains, and on which films.
#pragma once

#include "trainer/finetune/fit_config.h"
#include "trainer/labels/folds.h"

#include <string>
#include <vector>

namespace chexworld {

/// One model. Plain value.
struct PlannedModel {
  std::string name;        ///< "fold-0", "fold-0-seed-1", "split", "final": its folder
  std::string fold;        ///< that it is tested on; empty for "final"
  std::uint64_t seed = 0;  ///< of weights, order and augmentation
  Split split;
};

/// For every seed and every one of `chosen` folds (all where it is empty) a model that is tested on it. Throws
/// Failure(kInvalidArgument) for folds that there are not, or that cannot be trained and judged on.
std::vector<PlannedModel> cross_validation(const LabelledFilms& labels, const Folds& folds,
                                           const std::vector<std::string>& chosen, const FitConfig& config);

/// One model per seed: `folds` are parts named train, test and perhaps val or validation.
std::vector<PlannedModel> given_split(const LabelledFilms& labels, const Folds& parts, const FitConfig& config);

/// One model per seed on a random part of the patients, tested on a fifth of them.
std::vector<PlannedModel> drawn_split(const LabelledFilms& labels, const FitConfig& config);

/// The model on the films of all folds; it is tested on none.
PlannedModel final_model(const LabelledFilms& labels, const Folds& folds, const FitConfig& config);

}  // namespace chexworld
