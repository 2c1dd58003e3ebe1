// SPDX-License-Identifier: Apache-2.0
//
// Four sides are pushed inwards in turn, each looking only at what the others have left, until none moves.
// Everything is decided on a small copy; the edge is then put on the inner side of the coarse pixel.
#include "image/content_area.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace chexworld {
namespace {

constexpr int kCoarseSide = 256;         // longest side of the copy that decides
constexpr double kOutlierShare = 0.04;   // of a line: letters, hairline annotations
constexpr int kUniformSpread = 14;       // grey levels within a line of margin
constexpr int kBlack = 24;               // grey level up to which a margin is called black
constexpr double kLeastSideShare = 0.4;  // of height and width that has to remain

int step_for(const GrayImage& image, int longest_side) {
  return std::max(1, (std::max(image.width, image.height) + longest_side - 1) / longest_side);
}

/// Mean of the block of `image` behind each coarse pixel.
GrayImage coarse_copy(const GrayImage& image, int step) {
  GrayImage coarse{(image.width + step - 1) / step, (image.height + step - 1) / step, {}};
  coarse.pixels.reserve(std::size_t(coarse.width) * std::size_t(coarse.height));
  for (int top = 0; top < image.height; top += step) {
    const int bottom = std::min(top + step, image.height);
    for (int left = 0; left < image.width; left += step) {
      const int right = std::min(left + step, image.width);
      int sum = 0;
      for (int y = top; y < bottom; ++y)
        for (int x = left; x < right; ++x) sum += image.at(y, x);
      coarse.pixels.push_back(std::uint8_t(sum / ((bottom - top) * (right - left))));
    }
  }
  return coarse;
}

/// Grey levels of one row or column, without its brightest and darkest outliers.
struct LineLevels {
  int low = 0;
  int middle = 0;
  int high = 0;
};

LineLevels levels_of(std::vector<std::uint8_t>& line) {
  std::sort(line.begin(), line.end());
  const std::size_t last = line.size() - 1, outliers = std::size_t(double(line.size()) * kOutlierShare);
  return {line[std::min(outliers, last)], line[last / 2], line[last - std::min(outliers, last)]};
}

enum class Side { kTop, kBottom, kLeft, kRight };

/// The `depth`-th row or column from that side of `area`.
std::vector<std::uint8_t> line_of(const GrayImage& image, const PixelRect& area, Side side, int depth) {
  std::vector<std::uint8_t> line;
  const bool row = side == Side::kTop || side == Side::kBottom;
  const int length = row ? area.width : area.height;
  line.reserve(std::size_t(length));
  for (int i = 0; i < length; ++i) {
    switch (side) {
      case Side::kTop: line.push_back(image.at(area.top + depth, area.left + i)); break;
      case Side::kBottom: line.push_back(image.at(area.top + area.height - 1 - depth, area.left + i)); break;
      case Side::kLeft: line.push_back(image.at(area.top + i, area.left + depth)); break;
      case Side::kRight: line.push_back(image.at(area.top + i, area.left + area.width - 1 - depth)); break;
    }
  }
  return line;
}

/// How many lines from that side on are margin.
int margin_depth(const GrayImage& image, const PixelRect& area, Side side, const TrimOptions& options) {
  const bool row = side == Side::kTop || side == Side::kBottom;
  const int most = row ? area.height : area.width;
  int first_level = -1, depth = 0;
  for (; depth < most; ++depth) {
    std::vector<std::uint8_t> line = line_of(image, area, side, depth);
    const LineLevels levels = levels_of(line);
    if (first_level < 0) first_level = levels.middle;
    const bool uniform = levels.high - levels.low <= kUniformSpread;
    const bool same_grey = std::abs(levels.middle - first_level) <= kUniformSpread;
    const bool black = levels.high <= kBlack;
    if (!(options.black_border && black) && !(options.collimation && uniform && same_grey)) break;
  }
  return depth;
}

PixelRect without(PixelRect area, Side side, int depth) {
  if (side == Side::kTop) area.top += depth;
  if (side == Side::kLeft) area.left += depth;
  (side == Side::kTop || side == Side::kBottom ? area.height : area.width) -= depth;
  return area;
}

PixelRect coarse_content(const GrayImage& coarse, const TrimOptions& options) {
  PixelRect area{0, 0, coarse.height, coarse.width};
  for (bool moved = true; moved;) {
    moved = false;
    for (const Side side : {Side::kTop, Side::kBottom, Side::kLeft, Side::kRight}) {
      const int depth = margin_depth(coarse, area, side, options);
      if (depth == 0) continue;
      area = without(area, side, depth);
      if (area.height <= 0 || area.width <= 0) return {0, 0, 0, 0};
      moved = true;
    }
  }
  return area;
}

}  // namespace

GrayImage area_reduced(const GrayImage& image, int longest_side) {
  require_picture(image, "reduction");
  return coarse_copy(image, step_for(image, longest_side));
}

PixelRect content_area(const GrayImage& image, const TrimOptions& options) {
  require_picture(image, "content area");
  const PixelRect whole{0, 0, image.height, image.width};
  if (!options.black_border && !options.collimation) return whole;
  const int step = step_for(image, kCoarseSide);
  const PixelRect coarse = coarse_content(coarse_copy(image, step), options);
  const int top = coarse.top * step, left = coarse.left * step;
  const PixelRect area{top, left, std::min(coarse.height * step, image.height - top),
                       std::min(coarse.width * step, image.width - left)};
  const bool believable = area.height >= kLeastSideShare * image.height && area.width >= kLeastSideShare * image.width;
  return believable ? area : whole;
}

double black_border_share(const GrayImage& image) {
  const PixelRect area = content_area(image, {.black_border = true});
  return 1 - double(area.height) * area.width / (double(image.height) * image.width);
}

}  // namespace chexworld
