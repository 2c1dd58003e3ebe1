// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "trainer/evaluation/evaluation.h"

namespace chexworld {

/// Means over findings in each group of a column's values, and the largest difference between groups. Intervals of
/// both come from the same bootstrap samples of all films, so that gaps are those of one and the same sample.
SubgroupTable evaluate_subgroups(const ScoredFilms& films, const ScoredFilms::Column& column,
                                 const Bootstrap& bootstrap, const EvaluationOptions& options);

}  // namespace chexworld
