// SPDX-License-Identifier: Apache-2.0
#include "image/region_mask.h"

#include "base/failure.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace chexworld {
namespace {

using Colour = std::array<float, 3>;  // red, green, blue

constexpr Colour kRegion{255, 150, 30}, kTruth{60, 170, 255};
constexpr float kFill = 0.22F;         // share of colour inside a region
constexpr int kPixelsPerStroke = 450;  // of the film's longest side, for one pixel of outline

void require_same_size(const GrayImage& a, const GrayImage& b) {
  if (a.width == b.width && a.height == b.height && a.pixels.size() == b.pixels.size()) return;
  fail(ErrorCode::kInvalidArgument, "masks: " + std::to_string(a.width) + " x " + std::to_string(a.height) +
                                        " pixels do not lie on " + std::to_string(b.width) + " x " +
                                        std::to_string(b.height));
}

/// Two neighbours along one side of a square and the second one's share.
struct Between {
  int first, second;
  float share;
};

Between between(double at, int side) {
  const double inside = std::clamp(at - 0.5, 0.0, double(side - 1));
  const int first = int(inside);
  return {first, std::min(first + 1, side - 1), float(inside - first)};
}

/// Places along the square for every pixel along the film; where the square does not reach, `first` is -1.
std::vector<Between> places(int pixels, double begin, double extent, int side) {
  std::vector<Between> found;
  for (int i = 0; i < pixels; ++i) {
    const double share = ((i + 0.5) / pixels - begin) / extent;
    found.push_back(share >= 0 && share < 1 ? between(share * side, side) : Between{-1, -1, 0});
  }
  return found;
}

bool is_outline(const GrayImage& mask, int y, int x, int stroke) {
  if (mask.at(y, x) == 0) return false;
  if (y < stroke || x < stroke || y + stroke >= mask.height || x + stroke >= mask.width) return true;
  return mask.at(y - stroke, x) == 0 || mask.at(y + stroke, x) == 0 || mask.at(y, x - stroke) == 0 ||
         mask.at(y, x + stroke) == 0;
}

void blend(std::uint8_t* pixel, const Colour& colour, float share) {
  for (std::size_t c = 0; c < 3; ++c)
    pixel[c] = std::uint8_t(std::lround((1 - share) * float(pixel[c]) + share * colour[c]));
}

}  // namespace

FloatImage on_film(const FloatImage& square, const ViewWindow& window, PixelSize film, float outside) {
  const bool possible = square.width == square.height && square.width > 0 && film.width > 0 && film.height > 0 &&
                        window.height > 0 && window.width > 0;
  if (!possible) fail(ErrorCode::kInvalidArgument, "masks: a square of values and a film with pixels are needed");
  const std::vector<Between> rows = places(film.height, window.top, window.height, square.height);
  const std::vector<Between> columns = places(film.width, window.left, window.width, square.width);
  FloatImage values{film.width, film.height, {}};
  values.pixels.reserve(std::size_t(film.width) * std::size_t(film.height));
  const auto at = [&](int y, int x) {
    return square.pixels[std::size_t(y) * std::size_t(square.width) + std::size_t(x)];
  };
  for (const Between& row : rows)
    for (const Between& column : columns) {
      if (row.first < 0 || column.first < 0) {
        values.pixels.push_back(outside);
        continue;
      }
      const float above = std::lerp(at(row.first, column.first), at(row.first, column.second), column.share);
      const float below = std::lerp(at(row.second, column.first), at(row.second, column.second), column.share);
      values.pixels.push_back(std::lerp(above, below, row.share));
    }
  return values;
}

GrayImage mask_from(const FloatImage& values, float threshold) {
  GrayImage mask{values.width, values.height, {}};
  mask.pixels.reserve(values.pixels.size());
  for (const float value : values.pixels) mask.pixels.push_back(value >= threshold ? 255 : 0);
  return mask;
}

GrayImage binary_mask(GrayImage picture) {
  const auto largest = std::max_element(picture.pixels.begin(), picture.pixels.end());
  const int half = largest == picture.pixels.end() ? 0 : *largest / 2;
  for (std::uint8_t& pixel : picture.pixels) pixel = pixel > half ? 255 : 0;
  return picture;
}

bool is_empty(const GrayImage& mask) {
  return std::all_of(mask.pixels.begin(), mask.pixels.end(), [](std::uint8_t pixel) { return pixel == 0; });
}

RegionOverlap overlap(const GrayImage& found, const GrayImage& truth) {
  require_same_size(found, truth);
  std::int64_t both = 0, sum = 0;
  for (std::size_t i = 0; i < found.pixels.size(); ++i) {
    const bool a = found.pixels[i] > 0, b = truth.pixels[i] > 0;
    both += a && b;
    sum += int(a) + int(b);
  }
  if (sum == 0) return {1, 1};
  return {2 * double(both) / double(sum), double(both) / double(sum - both)};
}

ColourImage region_overlay(const GrayImage& film, const GrayImage& region, const GrayImage* truth) {
  require_same_size(region, film);
  if (truth != nullptr) require_same_size(*truth, film);
  const int stroke = std::max(1, std::max(film.width, film.height) / kPixelsPerStroke);
  ColourImage picture{film.width, film.height, {}};
  picture.pixels.reserve(3 * film.pixels.size());
  for (const std::uint8_t grey : film.pixels) picture.pixels.insert(picture.pixels.end(), 3, grey);
  for (int y = 0; y < film.height; ++y)
    for (int x = 0; x < film.width; ++x) {
      std::uint8_t* pixel = &picture.pixels[3 * (std::size_t(y) * std::size_t(film.width) + std::size_t(x))];
      if (region.at(y, x) > 0) blend(pixel, kRegion, is_outline(region, y, x, stroke) ? 1 : kFill);
      if (truth != nullptr && is_outline(*truth, y, x, stroke)) blend(pixel, kTruth, 1);
    }
  return picture;
}

}  // namespace chexworld
