// SPDX-License-Identifier: Apache-2.0
#include "views/contact_sheet.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>

namespace chexworld {

namespace {

constexpr int kGap = 6;  // pixels between tiles
constexpr int kColumns = 5;
constexpr std::uint8_t kBackground = 48;
constexpr std::uint8_t kHidden = 24;  // of a patch that is not shown
constexpr std::uint8_t kOutline = 255;

GrayImage filled(int width, int height, std::uint8_t value) {
  return {width, height, std::vector<std::uint8_t>(std::size_t(width) * std::size_t(height), value)};
}

void paste(const GrayImage& tile, int top, int left, GrayImage& sheet) {
  for (int y = 0; y < tile.height; ++y)
    std::copy_n(tile.pixels.begin() + std::ptrdiff_t(y) * tile.width, tile.width,
                sheet.pixels.begin() + std::ptrdiff_t(top + y) * sheet.width + left);
}

void outline(const PixelRect& rect, GrayImage& image) {
  if (rect.height < 1 || rect.width < 1) return;
  const int bottom = std::min(rect.top + rect.height, image.height) - 1;
  const int right = std::min(rect.left + rect.width, image.width) - 1;
  for (int x = rect.left; x <= right; ++x) image.at(rect.top, x) = image.at(bottom, x) = kOutline;
  for (int y = rect.top; y <= bottom; ++y) image.at(y, rect.left) = image.at(y, right) = kOutline;
}

// The film, as large as a tile allows, with the crop where it lies on the unmirrored film.
GrayImage film_tile(const GrayImage& film, const ViewPlan& view, int size) {
  const double scale = double(size) / std::max(film.width, film.height);
  const auto scaled = [scale](int length) { return int(std::lround(length * scale)); };
  GrayImage reduced = resize(film, {std::max(1, scaled(film.height)), std::max(1, scaled(film.width))});
  const PixelRect rect = view.flipped ? unmirrored(view.crop, film.width) : view.crop;
  const int top = scaled(rect.top);
  const int left = scaled(rect.left);
  outline({top, left, scaled(rect.top + rect.height) - top, scaled(rect.left + rect.width) - left}, reduced);
  GrayImage tile = filled(size, size, kBackground);
  paste(reduced, (size - reduced.height) / 2, (size - reduced.width) / 2, tile);
  return tile;
}

GrayImage patches_of(const GrayImage& view, const std::vector<std::vector<std::int64_t>>& sets, PixelSize grid) {
  std::vector<bool> shown(std::size_t(grid.height) * std::size_t(grid.width));
  for (const auto& set : sets) {
    for (const std::int64_t index : set) {
      if (index < 0 || std::size_t(index) >= shown.size())
        fail(ErrorCode::kInvalidArgument, "contact sheet: a mask names a patch outside the grid");
      shown[std::size_t(index)] = true;
    }
  }
  GrayImage tile = view;
  for (int y = 0; y < tile.height; ++y) {
    for (int x = 0; x < tile.width; ++x) {
      const int patch = y * grid.height / tile.height * grid.width + x * grid.width / tile.width;
      if (!shown[std::size_t(patch)]) tile.at(y, x) = kHidden;
    }
  }
  return tile;
}

}  // namespace

GrayImage contact_sheet(const GrayImage& film, const DualViewPlan& plan, int size,
                        const std::array<SampleMasks, 2>& masks, PixelSize grid) {
  if (grid.height < 1 || grid.width < 1) fail(ErrorCode::kInvalidArgument, "contact sheet: the grid has no patches");
  const GrayImage jittered = apply_jitter(film, plan.jitter);
  const DualView made = make_dual_view(film, plan, size, {});
  GrayImage sheet = filled(kColumns * (size + kGap) + kGap, 2 * (size + kGap) + kGap, kBackground);
  for (std::size_t v = 0; v < 2; ++v) {
    const GrayImage tiles[kColumns] = {film_tile(jittered, plan.views[v], size), made.views[v], made.contexts[v],
                                       patches_of(made.contexts[v], masks[v].contexts, grid),
                                       patches_of(made.views[v], masks[v].targets, grid)};
    for (int i = 0; i < kColumns; ++i) paste(tiles[i], kGap + int(v) * (size + kGap), kGap + i * (size + kGap), sheet);
  }
  return sheet;
}

}  // namespace chexworld
