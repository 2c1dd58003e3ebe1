// SPDX-License-Identifier: Apache-2.0
//
// Both directions use one loop over whole rows: the rows' direction works on the transposed picture.
#include "image/resample.h"

#include "base/failure.h"
#include "image/dispatch.h"
#include "image/resample_filter.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace chexworld {

namespace {

constexpr int kLanes = 32;           // columns worked on at once; rows are padded to a multiple
constexpr int kFractionBits = 22;    // of a weight in 8-bit arithmetic
constexpr int kTransposeBlock = 16;  // columns per block while transposing

template <class Pixel>
struct Plane {
  Plane(int height_, int width_)
      : height(height_),
        width(width_),
        stride((std::size_t(width_) + kLanes - 1) / kLanes * kLanes),
        values(stride * std::size_t(height_)) {}

  Pixel* row(int y) { return values.data() + std::size_t(y) * stride; }
  const Pixel* row(int y) const { return values.data() + std::size_t(y) * stride; }

  int height;
  int width;
  std::size_t stride;  // elements from one row to the next
  std::vector<Pixel> values;
};

template <class Pixel>
struct Source {
  const Pixel* first;
  std::size_t stride;
  int height;
  int width;
  bool mirrored = false;  // to be read from right to left
};

template <class Pixel>
Source<Pixel> source_of(const Plane<Pixel>& plane) {
  return {plane.values.data(), plane.stride, plane.height, plane.width};
}

template <class Pixel>
Plane<Pixel> transposed(const Source<Pixel>& source) {
  Plane<Pixel> result(source.width, source.height);
  for (int left = 0; left < source.width; left += kTransposeBlock) {
    const int right = std::min(left + kTransposeBlock, source.width);
    for (int y = 0; y < source.height; ++y) {
      const Pixel* row = source.first + std::size_t(y) * source.stride;
      Pixel* target = result.row(source.mirrored ? source.width - 1 - left : left) + y;
      const std::ptrdiff_t step = source.mirrored ? -std::ptrdiff_t(result.stride) : std::ptrdiff_t(result.stride);
      for (int x = left; x < right; ++x, target += step) *target = row[x];
    }
  }
  return result;
}

template <class Pixel>
Plane<Pixel> padded(const Source<Pixel>& source) {
  Plane<Pixel> result(source.height, source.width);
  for (int y = 0; y < source.height; ++y) {
    const Pixel* row = source.first + std::size_t(y) * source.stride;
    if (source.mirrored)
      std::reverse_copy(row, row + source.width, result.row(y));
    else
      std::copy_n(row, source.width, result.row(y));
  }
  return result;
}

std::vector<std::int32_t> weights_for(const ResampleFilter& filter, std::uint8_t) {
  std::vector<std::int32_t> fixed(filter.weights.size());
  std::transform(filter.weights.begin(), filter.weights.end(), fixed.begin(),
                 [](double weight) { return std::int32_t(weight * (1 << kFractionBits) + (weight < 0 ? -0.5 : 0.5)); });
  return fixed;
}

std::vector<float> weights_for(const ResampleFilter& filter, float) {
  return {filter.weights.begin(), filter.weights.end()};
}

// One block of kLanes columns of one output row: the weighted sum of `count` input rows.
CHEXWORLD_AVX2_CLONE void sum_rows(const std::uint8_t* rows, std::size_t stride, const std::int32_t* weights, int count,
                                   std::uint8_t* output) {
  std::int32_t sums[kLanes];
  for (std::int32_t& sum : sums) sum = 1 << (kFractionBits - 1);
  for (int k = 0; k < count; ++k, rows += stride) {
    const std::int32_t weight = weights[k];
    for (int i = 0; i < kLanes; ++i) sums[i] += weight * rows[i];
  }
  for (int i = 0; i < kLanes; ++i) output[i] = std::uint8_t(std::clamp(sums[i] >> kFractionBits, 0, 255));
}

CHEXWORLD_AVX2_CLONE void sum_rows(const float* rows, std::size_t stride, const float* weights, int count,
                                   float* output) {
  float sums[kLanes] = {};
  for (int k = 0; k < count; ++k, rows += stride) {
    const float weight = weights[k];
    for (int i = 0; i < kLanes; ++i) sums[i] += weight * rows[i];
  }
  for (int i = 0; i < kLanes; ++i) output[i] = sums[i];
}

template <class Pixel>
Plane<Pixel> resize_columns(const Plane<Pixel>& source, int height) {
  const ResampleFilter filter = bicubic_filter(source.height, height);
  const auto weights = weights_for(filter, Pixel());
  Plane<Pixel> result(height, source.width);
  for (int y = 0; y < height; ++y) {
    const auto [first, count] = filter.windows[std::size_t(y)];
    const auto* row_weights = weights.data() + std::size_t(y) * std::size_t(filter.stride);
    for (std::size_t x = 0; x < source.stride; x += kLanes)
      sum_rows(source.row(first) + x, source.stride, row_weights, count, result.row(y) + x);
  }
  return result;
}

template <class Pixel>
Plane<Pixel> resize_rows(const Source<Pixel>& source, int width) {
  if (width == source.width) return padded(source);
  return transposed(source_of(resize_columns(transposed(source), width)));
}

void require_size(PixelSize size) {
  if (size.height > 0 && size.width > 0) return;
  fail(ErrorCode::kInvalidArgument,
       "resize: a picture of " + std::to_string(size.width) + " x " + std::to_string(size.height) + " has no pixels");
}

template <class Image, class Pixel>
Image resized(const Source<Pixel>& source, PixelSize size) {
  require_size(size);
  Plane<Pixel> plane = resize_rows(source, size.width);
  if (size.height != plane.height) plane = resize_columns(plane, size.height);
  Image image{size.width, size.height, {}};
  image.pixels.reserve(std::size_t(size.width) * std::size_t(size.height));
  for (int y = 0; y < size.height; ++y)
    image.pixels.insert(image.pixels.end(), plane.row(y), plane.row(y) + size.width);
  return image;
}

}  // namespace

GrayImage resize(const GrayImage& image, PixelSize size) {
  require_picture(image, "resize");
  return resized<GrayImage>(
      Source<std::uint8_t>{image.pixels.data(), std::size_t(image.width), image.height, image.width}, size);
}

FloatImage resize(const FloatImage& image, PixelSize size) {
  const bool whole = image.width > 0 && image.height > 0 &&
                     image.pixels.size() == std::size_t(image.width) * std::size_t(image.height);
  if (!whole) fail(ErrorCode::kInvalidArgument, "resize: the picture has no pixels or not as many as its size says");
  return resized<FloatImage>(Source<float>{image.pixels.data(), std::size_t(image.width), image.height, image.width},
                             size);
}

GrayImage resized_crop(const GrayImage& image, const PixelRect& rect, PixelSize size, bool mirrored) {
  require_picture(image, "resized crop");
  require_inside(image, rect);
  const std::size_t stride = std::size_t(image.width);
  const std::uint8_t* first = image.pixels.data() + std::size_t(rect.top) * stride + std::size_t(rect.left);
  return resized<GrayImage>(Source<std::uint8_t>{first, stride, rect.height, rect.width, mirrored}, size);
}

PixelSize with_short_side(PixelSize size, int short_side) {
  require_size(size);
  if (short_side <= 0) fail(ErrorCode::kInvalidArgument, "resize: the short side must be at least 1 pixel");
  const auto scaled = [&](int side, int other) { return int(std::int64_t(short_side) * side / other); };
  if (size.width <= size.height) return {scaled(size.height, size.width), short_side};
  return {short_side, scaled(size.width, size.height)};
}

GrayImage resize_short_side(const GrayImage& image, int short_side) {
  require_picture(image, "resize");
  return resize(image, with_short_side({image.height, image.width}, short_side));
}

PixelRect central_square(PixelSize size, int side) {
  if (side <= 0 || side > size.height || side > size.width) {
    fail(ErrorCode::kInvalidArgument, "centre crop of " + std::to_string(side) + " pixels does not fit a picture of " +
                                          std::to_string(size.width) + " x " + std::to_string(size.height));
  }
  const auto offset = [side](int length) { return int(std::nearbyint((length - side) / 2.0)); };
  return {offset(size.height), offset(size.width), side, side};
}

GrayImage center_crop(const GrayImage& image, int side) {
  return crop(image, central_square({image.height, image.width}, side));
}

GrayImage evaluation_view(const GrayImage& image, EvaluationSize size) {
  return center_crop(resize_short_side(image, size.resize), size.crop);
}

}  // namespace chexworld
