// SPDX-License-Identifier: Apache-2.0
//
// How many millimetres of what every ray of a film crosses.
#pragma once

#include "phantom/body.h"
#include "phantom/field.h"

namespace chexworld::phantom {

/// f32[height, width] each, millimetres of the real body.
struct Paths {
  FloatImage soft;         ///< everything that is neither lung nor air
  FloatImage lung[2];      ///< right, left: aerated
  FloatImage fluid[2];     ///< within the cavity where lung would be, and counted as soft as well
  FloatImage free_air[2];  ///< between chest wall and lung
  FloatImage pleura;       ///< the visceral pleura of a collapsed lung
  FloatImage heart;        ///< counted as soft as well
  FloatImage spine;        ///< bone of the vertebral bodies, counted as soft as well
  FloatImage endplates;
};

Paths trace(const Body& body, const Beam& beam, const Raster& raster);

}  // namespace chexworld::phantom
