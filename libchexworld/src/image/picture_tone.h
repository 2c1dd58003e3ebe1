// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/adjust.h"

#include <span>

namespace chexworld {

/// How bright a prepared picture is, black 0 to white 1.
struct PictureTone {
  double brightness = 0;  ///< mean
  double contrast = 0;    ///< standard deviation
};

/// `prepared` f32[3,S,S], normalised so; its channels are one grey picture, so the first one is enough.
PictureTone tone_of(std::span<const float> prepared, const Normalization& normalization);

}  // namespace chexworld
