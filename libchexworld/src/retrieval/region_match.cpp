// SPDX-License-Identifier: Apache-2.0
#include "retrieval/region_match.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

std::size_t width_of(const PatchTokens& patches) {
  return patches.codes.size() / (std::size_t(patches.rows) * patches.columns);
}

/// First and count of the cells of `cells` whose middle lies in [from, to].
std::pair<std::uint32_t, std::uint32_t> cells_between(double from, double to, std::uint32_t cells) {
  const double first = std::ceil(from * cells - 0.5), last = std::floor(to * cells - 0.5);
  if (last >= first) return {std::uint32_t(first), std::uint32_t(last - first + 1)};
  return {std::uint32_t(std::min(double(cells - 1), std::floor((from + to) / 2 * cells))), 1};  // thinner than a patch
}

float product(const float* a, const float* b, std::size_t count) {
  float lanes[16] = {};
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (std::size_t lane = 0; lane < 16; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// Cosines f32[wanted, patches].
std::vector<float> cosines(const std::vector<float>& wanted, const std::vector<float>& tokens, std::size_t width) {
  std::vector<float> table;
  table.reserve(wanted.size() / width * (tokens.size() / width));
  for (std::size_t i = 0; i < wanted.size(); i += width)
    for (std::size_t j = 0; j < tokens.size(); j += width) table.push_back(product(&wanted[i], &tokens[j], width));
  return table;
}

float score_of(const PatchWindow& window, const std::vector<float>& table, const PatchTokens& patches) {
  const std::size_t stride = std::size_t(patches.rows) * patches.columns;
  double sum = 0;
  for (std::size_t wanted = 0; wanted < table.size(); wanted += stride) {
    float best = -1;
    for (std::uint32_t row = window.row; row < window.row + window.rows; ++row) {
      const float* line = &table[wanted + std::size_t(row) * patches.columns + window.column];
      best = std::max(best, *std::max_element(line, line + window.columns));
    }
    sum += double(best);
  }
  return float(sum / (double(table.size()) / double(stride)));
}

}  // namespace

PatchWindow window_of(const ImageRegion& region, const PatchTokens& patches) {
  const bool whole = region.x0 >= 0 && region.x0 < region.x1 && region.x1 <= 1 && region.y0 >= 0 &&
                     region.y0 < region.y1 && region.y1 <= 1;
  if (!whole) fail(ErrorCode::kInvalidArgument, "a region is given by 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1");
  const auto [column, columns] = cells_between(region.x0, region.x1, patches.columns);
  const auto [row, rows] = cells_between(region.y0, region.y1, patches.rows);
  return {row, column, rows, columns};
}

ImageRegion region_of(const PatchWindow& window, const PatchTokens& patches) {
  const double width = patches.columns, height = patches.rows;
  return {window.column / width, window.row / height, (window.column + window.columns) / width,
          (window.row + window.rows) / height};
}

std::vector<float> unit_tokens(const PatchTokens& patches, const PatchWindow& window) {
  const std::size_t width = width_of(patches);
  std::vector<float> tokens;
  for (std::uint32_t row = window.row; row < window.row + window.rows; ++row) {
    for (std::uint32_t column = window.column; column < window.column + window.columns; ++column) {
      const std::int8_t* codes = &patches.codes[(std::size_t(row) * patches.columns + column) * width];
      double squares = 0;
      for (std::size_t i = 0; i < width; ++i) squares += double(codes[i]) * codes[i];
      const double factor = squares > 0 ? 1 / std::sqrt(squares) : 0;
      for (std::size_t i = 0; i < width; ++i) tokens.push_back(float(codes[i] * factor));
    }
  }
  return tokens;
}

std::vector<float> mean_token(const PatchTokens& patches, const PatchWindow& window) {
  const std::size_t width = width_of(patches);
  std::vector<float> mean(width);
  const float weight = patches.scale / float(std::size_t(window.rows) * window.columns);
  for (std::uint32_t row = window.row; row < window.row + window.rows; ++row)
    for (std::uint32_t column = window.column; column < window.column + window.columns; ++column)
      for (std::size_t i = 0; i < width; ++i)
        mean[i] += weight * float(patches.codes[(std::size_t(row) * patches.columns + column) * width + i]);
  return mean;
}

RegionMatch best_window(const std::vector<float>& wanted, const PatchWindow& size, const PatchTokens& patches) {
  const std::vector<float> table =
      cosines(wanted, unit_tokens(patches, {0, 0, patches.rows, patches.columns}), width_of(patches));
  RegionMatch best;
  PatchWindow window{0, 0, std::min(size.rows, patches.rows), std::min(size.columns, patches.columns)};
  for (window.row = 0; window.row + window.rows <= patches.rows; ++window.row) {
    for (window.column = 0; window.column + window.columns <= patches.columns; ++window.column) {
      const float score = score_of(window, table, patches);
      if (score > best.score) best = {window, score};
    }
  }
  return best;
}

}  // namespace chexworld
