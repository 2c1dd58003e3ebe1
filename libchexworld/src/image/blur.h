// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/image.h"

namespace chexworld {

/// Gaussian blur as three box blurs along rows and three along columns, bit for bit as Pillow does it:
/// box radius by the extended box filter of Gwosdek et al. (2011) in single precision, 24-bit fixed point,
/// 8 bits between passes, edge pixels repeated. `radius` is the standard deviation in pixels; 0 changes nothing;
/// it must be finite and not negative, else Failure(kInvalidArgument). Pure: safe from any thread.
GrayImage gaussian_blur(const GrayImage& image, double radius);

}  // namespace chexworld
