// SPDX-License-Identifier: Apache-2.0
#include "image/blur.h"

#include "base/failure.h"
#include "image/dispatch.h"
#include "image/geometry.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace chexworld {

namespace {

constexpr std::uint32_t kOne = 1U << 24;

float box_radius(float sigma) {
  const float variance = sigma * sigma / float(kBoxPasses);
  const float length = std::sqrt(12.0F * variance + 1.0F);
  const float whole = std::floor((length - 1.0F) / 2.0F);
  const float rest = (2.0F * whole + 1.0F) * (whole * (whole + 1.0F) - 3.0F * variance) /
                     (6.0F * (variance - (whole + 1.0F) * (whole + 1.0F)));
  return whole + rest;
}

// sums[x] = sum over a row's window; the ends count apart. All arrays have `width` elements.
CHEXWORLD_AVX2_CLONE void weigh(const std::uint32_t* __restrict sums, const std::uint8_t* __restrict before,
                                const std::uint8_t* __restrict after, const BoxFilter& box, int width,
                                std::uint8_t* __restrict output) {
  const std::uint32_t weight = box.weight;
  const std::uint32_t edge_weight = box.edge_weight;
  for (int x = 0; x < width; ++x) {
    const std::uint32_t ends = std::uint32_t(before[x]) + after[x];
    output[x] = std::uint8_t((sums[x] * weight + ends * edge_weight + kOne / 2) >> 24);
  }
}

CHEXWORLD_AVX2_CLONE void move_window(std::uint32_t* __restrict sums, const std::uint8_t* __restrict entering,
                                      const std::uint8_t* __restrict leaving, int width) {
  for (int x = 0; x < width; ++x) sums[x] += std::uint32_t(entering[x]) - leaving[x];
}

// One box blur down the columns of u8[height, width], all columns at once.
void blur_columns(const std::vector<std::uint8_t>& input, int height, int width, const BoxFilter& box,
                  std::vector<std::uint8_t>& output) {
  const auto row = [&](std::int64_t y) {
    return input.data() + std::size_t(std::clamp<std::int64_t>(y, 0, height - 1)) * std::size_t(width);
  };
  std::vector<std::uint32_t> sums(std::size_t(width), 0);
  for (std::int64_t y = -box.whole; y <= box.whole; ++y)
    for (int x = 0; x < width; ++x) sums[std::size_t(x)] += row(y)[x];
  for (std::int64_t y = 0; y < height; ++y) {
    weigh(sums.data(), row(y - box.whole - 1), row(y + box.whole + 1), box, width,
          output.data() + std::size_t(y) * std::size_t(width));
    move_window(sums.data(), row(y + box.whole + 1), row(y - box.whole), width);
  }
}

std::vector<std::uint8_t> transposed(const std::vector<std::uint8_t>& input, int height, int width) {
  constexpr int kBlock = 16;
  std::vector<std::uint8_t> output(input.size());
  for (int left = 0; left < width; left += kBlock) {
    const int right = std::min(left + kBlock, width);
    for (int y = 0; y < height; ++y)
      for (int x = left; x < right; ++x)
        output[std::size_t(x) * std::size_t(height) + std::size_t(y)] =
            input[std::size_t(y) * std::size_t(width) + std::size_t(x)];
  }
  return output;
}

void blur_columns_repeatedly(std::vector<std::uint8_t>& pixels, int height, int width, const BoxFilter& box) {
  std::vector<std::uint8_t> next(pixels.size());
  for (int pass = 0; pass < kBoxPasses; ++pass) {
    blur_columns(pixels, height, width, box, next);
    pixels.swap(next);
  }
}

}  // namespace

BoxFilter box_filter(double radius) {
  constexpr double kLargest = 4096;  // beyond any film; keeps sums within 32 bits
  if (!(radius >= 0 && radius <= kLargest))
    fail(ErrorCode::kInvalidArgument, "blur: the radius must be from 0 to 4096 pixels, not " + std::to_string(radius));
  const float extent = box_radius(float(radius));
  BoxFilter box;
  box.whole = int(extent);
  box.weight = std::uint32_t(float(kOne) / (extent * 2.0F + 1.0F));
  box.edge_weight = (kOne - (std::uint32_t(box.whole) * 2 + 1) * box.weight) / 2;
  return box;
}

GrayImage gaussian_blur(const GrayImage& image, double radius) {
  require_picture(image, "blur");
  const BoxFilter box = box_filter(radius);
  if (radius == 0) return image;
  GrayImage result{image.width, image.height, transposed(image.pixels, image.height, image.width)};
  blur_columns_repeatedly(result.pixels, image.width, image.height, box);
  result.pixels = transposed(result.pixels, image.width, image.height);
  blur_columns_repeatedly(result.pixels, image.height, image.width, box);
  return result;
}

}  // namespace chexworld
