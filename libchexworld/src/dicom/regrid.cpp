// SPDX-License-Identifier: Apache-2.0
#include "dicom/regrid.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace chexworld {
namespace {

/// Four neighbours and their weights.
struct Tap {
  std::array<int, 4> index{};
  std::array<float, 4> weight{};
};

/// Keys' cubic with a = -0.5.
double cubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/// `extent` reduced pixels, of which `samples` are there, onto `pixels` equal ones.
std::vector<Tap> taps(int samples, int pixels, double extent, double lead) {
  std::vector<Tap> all(static_cast<std::size_t>(pixels));
  for (int i = 0; i < pixels; ++i) {
    const double position = (i + 0.5) * extent / pixels - 0.5 + lead;
    const int first = int(std::floor(position)) - 1;
    Tap& tap = all[std::size_t(i)];
    for (int k = 0; k < 4; ++k) {
      tap.index[std::size_t(k)] = std::clamp(first + k, 0, samples - 1);
      tap.weight[std::size_t(k)] = float(cubic(position - (first + k)));
    }
  }
  return all;
}

float value_of(std::uint16_t sample, bool is_signed) { return is_signed ? float(std::int16_t(sample)) : float(sample); }

void widen_row(const StoredPixels& pixels, int y, const std::vector<Tap>& across, float* out) {
  const std::uint16_t* row = &pixels.samples[std::size_t(y) * std::size_t(pixels.columns)];
  for (const Tap& tap : across) {
    float sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += tap.weight[k] * value_of(row[tap.index[k]], pixels.is_signed);
    *out++ = sum;
  }
}

struct Range {
  float least, most;
};

Range range_of(const StoredPixels& pixels) {
  const float span = float(1u << pixels.bits_stored);
  return pixels.is_signed ? Range{-span / 2, span / 2 - 1} : Range{0, span - 1};
}

}  // namespace

StoredPixels regridded(StoredPixels pixels, const ReducedGrid& grid) {
  const int rows = std::max(1, int(grid.height)), columns = std::max(1, int(grid.width));
  const bool exact = grid.lead == 0 && rows == pixels.rows && columns == pixels.columns && grid.height == rows &&
                     grid.width == columns;
  if (exact) return pixels;
  const std::vector<Tap> across = taps(pixels.columns, columns, grid.width, grid.lead);
  const std::vector<Tap> down = taps(pixels.rows, rows, grid.height, grid.lead);
  const auto stride = std::size_t(columns);
  std::vector<float> wide(std::size_t(pixels.rows) * stride);
  for (int y = 0; y < pixels.rows; ++y) widen_row(pixels, y, across, &wide[std::size_t(y) * stride]);
  StoredPixels result{rows, columns, pixels.bits_stored, pixels.is_signed, {}};
  result.samples.reserve(std::size_t(rows) * stride);
  const Range range = range_of(pixels);
  for (const Tap& tap : down) {
    for (std::size_t x = 0; x < stride; ++x) {
      float sum = 0;
      for (std::size_t k = 0; k < 4; ++k) sum += tap.weight[k] * wide[std::size_t(tap.index[k]) * stride + x];
      result.samples.push_back(std::uint16_t(std::lround(std::clamp(sum, range.least, range.most))));
    }
  }
  return result;
}

}  // namespace chexworld
