// SPDX-License-Identifier: Apache-2.0
//
// Moves of 8-bit pictures that change no value.
#pragma once

#include "image/image.h"

#include <string>

namespace chexworld {

/// A rectangle of whole pixels; (top, left) is its first pixel.
struct PixelRect {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;

  friend bool operator==(const PixelRect&, const PixelRect&) = default;
};

/// Throws Failure(kInvalidArgument) unless the picture has pixels, width times height of them. `what` names it.
void require_picture(const GrayImage& image, const std::string& what);

/// Throws Failure(kInvalidArgument) unless `rect` is not empty and lies inside the picture.
void require_inside(const GrayImage& image, const PixelRect& rect);

/// A copy of the part of `image` that `rect` names; u8[rect.height, rect.width].
GrayImage crop(const GrayImage& image, const PixelRect& rect);

/// Mirrored left to right.
GrayImage flip_horizontally(const GrayImage& image);

}  // namespace chexworld
