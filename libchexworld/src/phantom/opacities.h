// SPDX-License-Identifier: Apache-2.0
//
// Findings that are shadows in the lung, and the rectangles in which findings are seen.
#pragma once

#include "image/geometry.h"
#include "phantom/paths.h"

#include <optional>
#include <vector>

namespace chexworld::phantom {

/// Nodules and consolidations as millimetres of water that take the place of lung; adds to `water`.
void add_opacities(const Body& body, const std::vector<Finding>& findings, const Beam& beam, const Raster& raster,
                   const Paths& paths, FloatImage& water);

/// Where a finding is seen, in whole pixels; nothing where it is not.
std::optional<PixelRect> seen_at(const Finding& finding, const Paths& paths, const FloatImage& water);

/// Greatest width of the heart over greatest inner width of the thorax, on this film: the cardiothoracic ratio.
double cardiothoracic_ratio(const Paths& paths);

}  // namespace chexworld::phantom
