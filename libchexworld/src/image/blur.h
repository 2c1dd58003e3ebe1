// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/image.h"

#include <cstdint>

namespace chexworld {

/// A box of fractional radius: 2 * whole + 1 pixels of full weight and a part of one more at either end.
/// Weights are 24-bit fixed point: (2 * whole + 1) * weight + 2 * edge_weight is 2^24 or one less.
struct BoxFilter {
  int whole = 0;
  std::uint32_t weight = 0;
  std::uint32_t edge_weight = 0;
};

/// The box that, applied `kBoxPasses` times, comes close to a Gaussian of this standard deviation (pixels).
/// Throws as gaussian_blur() does.
BoxFilter box_filter(double radius);
inline constexpr int kBoxPasses = 3;

/// Gaussian blur as three box blurs along rows and three along columns, bit for bit as Pillow does it:
/// box radius by the extended box filter of Gwosdek et al. (2011) in single precision, 24-bit fixed point,
/// 8 bits between passes, edge pixels repeated. `radius` is the standard deviation in pixels; 0 changes nothing;
/// it must be finite and not negative, else Failure(kInvalidArgument). Pure: safe from any thread.
GrayImage gaussian_blur(const GrayImage& image, double radius);

}  // namespace chexworld
