// SPDX-License-Identifier: Apache-2.0
//
// Change of size, bit for bit as Pillow does it in 8 bits, and the evaluation transform built on it.
//
// Filter: bicubic with a = -0.5 whose support is stretched when the picture shrinks (antialiasing). Rows
// first, then columns; a direction whose length does not change is left alone. In 8 bits the weights are
// rounded to 22-bit fixed point and the result to 8 bits after each direction. In float the same weights
// are used unrounded, and nothing is rounded or clipped: overshoot stays visible.
//
// Pure functions: safe from any thread. They throw Failure(kInvalidArgument) for sizes that cannot be.
#pragma once

#include "image/geometry.h"
#include "image/image.h"

#include <vector>

namespace chexworld {

struct PixelSize {
  int height = 0;
  int width = 0;

  friend bool operator==(const PixelSize&, const PixelSize&) = default;
};

/// f32[height, width], rows from the top, in whatever unit its maker says. Plain value.
struct FloatImage {
  int width = 0;
  int height = 0;
  std::vector<float> pixels;
};

GrayImage resize(const GrayImage& image, PixelSize size);
FloatImage resize(const FloatImage& image, PixelSize size);

/// The part `rect`, mirrored left to right if asked for, then resized; pixels outside `rect` have no influence.
GrayImage resized_crop(const GrayImage& image, const PixelRect& rect, PixelSize size, bool mirrored = false);

/// The size whose short side is `short_side`; the long side is rounded down.
PixelSize with_short_side(PixelSize size, int short_side);
GrayImage resize_short_side(const GrayImage& image, int short_side);

/// The middle square; half a pixel of offset goes to the even position. Not larger than the picture.
PixelRect central_square(PixelSize size, int side);
GrayImage center_crop(const GrayImage& image, int side);

/// How a whole film becomes one square input. Equal in training's validation and in inference.
struct EvaluationSize {
  int resize = 256;  ///< short side before the crop, pixels
  int crop = 224;    ///< side of the result, pixels; at most `resize`

  friend bool operator==(const EvaluationSize&, const EvaluationSize&) = default;
};

/// Short side to `size.resize`, then the middle `size.crop` x `size.crop`.
GrayImage evaluation_view(const GrayImage& image, EvaluationSize size);

}  // namespace chexworld
