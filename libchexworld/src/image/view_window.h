// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/prepare.h"

namespace chexworld {

/// Where the square that the network sees lies on the film: (top, left) and extents in shares of the film's height and
/// width, so 0 is the film's first edge and 1 its last. A letterbox reaches beyond them.
struct ViewWindow {
  double top = 0;
  double left = 0;
  double height = 1;
  double width = 1;

  friend bool operator==(const ViewWindow&, const ViewWindow&) = default;
};

/// Of fitted_view(film, recipe).
ViewWindow view_window(const GrayImage& film, const PreparationRecipe& recipe);

}  // namespace chexworld
