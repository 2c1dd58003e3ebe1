// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "phantom/film.h"

namespace chexworld::phantom {

/// A patient of average size who stands straight: what the film must show can be said beforehand.
inline FilmPlan plain_plan(View view = View::kPA, int long_side = 300) {
  FilmPlan plan;
  plan.anatomy.seed = 11;
  plan.pose.view = view;
  plan.long_side = long_side;
  plan.seed = 5;
  return plan;
}

inline Finding finding_of(FindingKind kind, int side, double extent) { return {kind, side, extent, 77}; }

}  // namespace chexworld::phantom
