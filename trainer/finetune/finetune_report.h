// SPDX-License-Identifier: Apache-2.0
//
// report.html of a fine-tuning run: one page that needs nothing beside it.
#pragma once

#include "trainer/evaluation/evaluation.h"

#include <string>
#include <vector>

namespace chexworld {

/// What metrics.jsonl of one model says.
struct TrainingCurve {
  std::string model;
  std::vector<Json> records;  ///< EpochRecords as JSON
};

/// Plots of one number per epoch, a line per model: `keys` of the records, with the titles of their plots.
std::string training_curves(const std::vector<TrainingCurve>& curves,
                            const std::vector<std::pair<std::string, std::string>>& keys);

/// `summary`: key to text. `results`: results.json. The pooled evaluation with ROC, precision-recall and reliability
/// plots and subgroups; each model with its numbers; training curves.
std::string finetune_report(const Json& summary, const Json& results, const Evaluation& pooled,
                            const std::vector<TrainingCurve>& curves);

}  // namespace chexworld
