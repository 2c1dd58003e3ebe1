// SPDX-License-Identifier: Apache-2.0
//
// What runs of models have in common, whatever the models learn.
#pragma once

#include "trainer/finetune/encoder_start.h"
#include "trainer/finetune/finetune_plan.h"
#include "trainer/finetune/fit.h"

#include <filesystem>

namespace chexworld {

/// As many threads for the networks as the configuration asks for; of the whole process.
void use_threads(const FitConfig& config);

/// What a model's numbers depend on besides its films; `settings` as JSON.
Json identity_of(const PlannedModel& planned, const EncoderStart& start, const Json& settings);

/// fit(), with every epoch in `folder`/metrics.jsonl and told to `epoch` (may be empty). The model ends in evaluation
/// mode, unless it was stopped.
FitOutcome fit_and_record(FitTask& task, const FitConfig& config, const PlannedModel& planned,
                          const std::filesystem::path& folder,
                          const std::function<void(const PlannedModel&, const EpochRecord&)>& epoch,
                          const std::function<bool()>& stop);

/// For a model card: where the weights come from and what was done with them.
Json training_facts(const std::string& what, const EncoderStart& start, const Json& settings, std::int64_t best_epoch,
                    double seconds);

}  // namespace chexworld
