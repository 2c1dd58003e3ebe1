// SPDX-License-Identifier: Apache-2.0
#include "infer/bicubic.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace chexworld {
namespace {

struct Tap {
  std::array<std::int64_t, 4> index;
  std::array<float, 4> weight;
};

double cubic(double x) {  // Keys' kernel
  constexpr double a = -0.75;
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

std::vector<Tap> taps_for(std::int64_t from, std::int64_t to) {
  std::vector<Tap> taps(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (double(i) + 0.5) * double(from) / double(to) - 0.5;
    const double base = std::floor(centre);
    for (int k = 0; k < 4; ++k) {
      const auto at = std::size_t(k);
      taps[std::size_t(i)].index[at] = std::clamp(std::int64_t(base) - 1 + k, std::int64_t{0}, from - 1);
      taps[std::size_t(i)].weight[at] = float(cubic(centre - (base - 1 + k)));
    }
  }
  return taps;
}

/// Element (y, x) of a picture is at data[(y * from + x) * stride].
float sample(const float* data, std::int64_t from, std::int64_t stride, const Tap& row, const Tap& column) {
  float sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    float line = 0;
    for (std::size_t j = 0; j < 4; ++j)
      line += column.weight[j] * data[(row.index[i] * from + column.index[j]) * stride];
    sum += row.weight[i] * line;
  }
  return sum;
}

}  // namespace

std::vector<float> resize_planes(std::span<const float> planes, std::int64_t from, std::int64_t to) {
  const std::vector<Tap> taps = taps_for(from, to);
  std::vector<float> resized;
  resized.reserve(planes.size() / std::size_t(from * from) * std::size_t(to * to));
  for (std::size_t plane = 0; plane < planes.size(); plane += std::size_t(from * from)) {
    for (const Tap& row : taps) {
      for (const Tap& column : taps) resized.push_back(sample(planes.data() + plane, from, 1, row, column));
    }
  }
  return resized;
}

std::vector<float> resize_table(std::span<const float> table, std::int64_t from, std::int64_t to) {
  const std::int64_t width = std::int64_t(table.size()) / (from * from);
  const std::vector<Tap> taps = taps_for(from, to);
  std::vector<float> resized;
  resized.reserve(std::size_t(to * to * width));
  for (const Tap& row : taps) {
    for (const Tap& column : taps) {
      for (std::int64_t i = 0; i < width; ++i) resized.push_back(sample(table.data() + i, from, width, row, column));
    }
  }
  return resized;
}

}  // namespace chexworld
