// SPDX-License-Identifier: Apache-2.0
//
// report.html of a segmentation run: one page that needs nothing beside it.
#pragma once

#include "trainer/finetune/finetune_report.h"
#include "trainer/segmentation/mask_scores.h"

namespace chexworld {

/// `summary`: key to text. `results`: results.json. Every model's Dice and IoU with intervals, the films' Dice,
/// training curves, pictures; `folder` is the run's.
std::string segmentation_report(const Json& summary, const Json& results, const std::vector<MaskScores>& models,
                                const std::vector<TrainingCurve>& curves, const std::filesystem::path& folder);

}  // namespace chexworld
