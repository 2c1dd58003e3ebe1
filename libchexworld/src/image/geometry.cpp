// SPDX-License-Identifier: Apache-2.0
#include "image/geometry.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld {

namespace {

std::string size_text(int width, int height) { return std::to_string(width) + " x " + std::to_string(height); }

}  // namespace

void require_picture(const GrayImage& image, const std::string& what) {
  if (image.width > 0 && image.height > 0 &&
      image.pixels.size() == std::size_t(image.width) * std::size_t(image.height)) {
    return;
  }
  fail(ErrorCode::kInvalidArgument, what + ": a picture of " + size_text(image.width, image.height) + " pixels holds " +
                                        std::to_string(image.pixels.size()) + " values");
}

void require_inside(const GrayImage& image, const PixelRect& rect) {
  const bool inside = rect.top >= 0 && rect.left >= 0 && rect.height > 0 && rect.width > 0 &&
                      rect.height <= image.height - rect.top && rect.width <= image.width - rect.left;
  if (inside) return;
  fail(ErrorCode::kInvalidArgument, "crop of " + size_text(rect.width, rect.height) + " at left " +
                                        std::to_string(rect.left) + ", top " + std::to_string(rect.top) +
                                        " does not lie inside a picture of " + size_text(image.width, image.height));
}

GrayImage crop(const GrayImage& image, const PixelRect& rect) {
  require_picture(image, "crop");
  require_inside(image, rect);
  GrayImage part{rect.width, rect.height, {}};
  part.pixels.reserve(std::size_t(rect.width) * std::size_t(rect.height));
  for (int y = 0; y < rect.height; ++y) {
    const std::uint8_t* row = image.pixels.data() + std::size_t(rect.top + y) * std::size_t(image.width) + rect.left;
    part.pixels.insert(part.pixels.end(), row, row + rect.width);
  }
  return part;
}

GrayImage flip_horizontally(const GrayImage& image) {
  require_picture(image, "flip");
  GrayImage mirrored = image;
  for (int y = 0; y < image.height; ++y) {
    const auto row = mirrored.pixels.begin() + std::ptrdiff_t(y) * image.width;
    std::reverse(row, row + image.width);
  }
  return mirrored;
}

}  // namespace chexworld
