// SPDX-License-Identifier: Apache-2.0
#include "image/film_look.h"

#include "image/adjust.h"
#include "image/content_area.h"
#include "image/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace chexworld {
namespace {

constexpr int kGrid = 8;
constexpr int kFine = 32;          // side of the reduced picture, a multiple of kGrid
constexpr int kLongestSide = 512;  // more tells nothing new
using Grid = std::array<double, kGrid * kGrid>;

/// Mean 0, length 1; all zero where nothing varies.
Grid normalised(Grid grid) {
  const double mean = std::accumulate(grid.begin(), grid.end(), 0.0) / double(grid.size());
  double squares = 0;
  for (double& value : grid) {
    value -= mean;
    squares += value * value;
  }
  const double length = std::sqrt(squares);
  for (double& value : grid) value = length > 1e-9 ? value / length : 0;
  return grid;
}

double step(double x) { return 1 / (1 + std::exp(-x)); }

/// The drawing: brightness at u (-0.5 left to 0.5 right) and v (0 top to 1 bottom).
double drawn_chest(double u, double v) {
  const auto lung = [&](double center) {
    const double x = (u - center) / 0.13, y = (v - 0.4) / 0.27;
    return step(4 * (1 - std::sqrt(x * x + y * y)));
  };
  const double abdomen = 1.4 * step((v - 0.72) / 0.05) * step((0.38 - std::abs(u)) / 0.03);
  const double spine = std::exp(-(u - 0.02) * (u - 0.02) / (2 * 0.07 * 0.07)) * step((v - 0.25) / 0.08);
  const double above = std::exp(-v / 0.12);
  const double beside = 0.6 * step((std::abs(u) - 0.45) / 0.02);
  return abdomen + spine - lung(-0.2) - lung(0.2) - above - beside;
}

/// Means of the blocks of a kFine x kFine field.
template <class Field>
Grid block_means(Field&& field) {
  constexpr int kBlock = kFine / kGrid;
  Grid grid{};
  for (int y = 0; y < kFine; ++y)
    for (int x = 0; x < kFine; ++x) grid[std::size_t(y / kBlock * kGrid + x / kBlock)] += field(y, x);
  return grid;
}

const Grid& chest_grid() {
  static const Grid kChest =
      normalised(block_means([](int y, int x) { return drawn_chest((x + 0.5) / kFine - 0.5, (y + 0.5) / kFine); }));
  return kChest;
}

/// Share of the pixels darker than each grey value, those of equal value counted half.
std::array<double, 256> ranks_of(const GrayHistogram& histogram) {
  std::array<double, 256> ranks{};
  double below = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    ranks[i] = below + double(histogram[i]) / 2;
    below += double(histogram[i]);
  }
  return ranks;
}

double chest_likeness(const GrayImage& content) {
  const GrayImage small = resize(content, PixelSize{kFine, kFine});
  const std::array<double, 256> ranks = ranks_of(histogram_of(small));
  const Grid grid = normalised(block_means([&](int y, int x) { return ranks[small.at(y, x)]; }));
  return std::inner_product(grid.begin(), grid.end(), chest_grid().begin(), 0.0);
}

int percentile(const GrayHistogram& histogram, double share) {
  const double wanted = share * double(std::accumulate(histogram.begin(), histogram.end(), std::int64_t{0}));
  double seen = 0;
  for (int i = 0; i < 256; ++i) {
    seen += double(histogram[std::size_t(i)]);
    if (seen >= wanted) return i;
  }
  return 255;
}

}  // namespace

FilmLook look_at(const GrayImage& whole) {
  const GrayImage film = area_reduced(whole, kLongestSide);
  const PixelRect area = content_area(film, {.black_border = true, .collimation = true});
  const GrayImage content = crop(film, area);
  const GrayHistogram histogram = histogram_of(content);
  FilmLook look;
  look.chest_likeness = chest_likeness(content);
  look.content_aspect = double(area.width) / area.height;
  look.black_border_share = black_border_share(film);
  look.contrast = (percentile(histogram, 0.99) - percentile(histogram, 0.01)) / 255.0;
  look.grey_levels = int(std::count_if(histogram.begin(), histogram.end(), [](auto count) { return count > 0; }));
  return look;
}

}  // namespace chexworld
