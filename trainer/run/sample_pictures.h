// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "trainer/report/html.h"
#include "trainer/run/pretrain_config.h"
#include "worldmodel/world_model.h"

namespace chexworld {

/// What the model was asked and how well it answered, on the first films: views, contexts, masks, and how alike
/// prediction and target are patch by patch. Empty where there are too few films,
/// and for the I-JEPA objective.
std::vector<ReportPicture> sample_pictures(const WorldModel& model, const PretrainConfig& config,
                                           const Archive& archive, const std::vector<std::int64_t>& films);

}  // namespace chexworld
