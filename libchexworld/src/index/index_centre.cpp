// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "index/index.h"
#include "index/kernels.h"

#include <algorithm>
#include <mutex>

namespace chexworld {
namespace {

/// A unit vector as it is kept; empty for a place that was wiped.
std::vector<float> read_unit(const VectorFile& file, std::uint32_t row, std::size_t dimensions) {
  std::vector<std::uint16_t> halves(file.padded());
  file.read(row, halves);
  if (std::all_of(halves.begin(), halves.end(), [](std::uint16_t half) { return half == 0; })) return {};
  std::vector<float> vector(dimensions);
  std::transform(halves.begin(), halves.begin() + std::ptrdiff_t(dimensions), vector.begin(), float_of);
  return normalised(vector);
}

}  // namespace

// The graph stays: which rows are neighbours does not depend on how finely they are compared.
void VectorIndex::centre_codes() {
  const std::unique_lock writers(writers_);
  if (live_ < centre_at_) return;  // another thread was here
  centre_at_ = next_centring(live_);
  const std::uint32_t rows = rows_;
  std::vector<std::vector<float>> units(rows);
  try {
    for (std::uint32_t row = 0; row < rows; ++row) units[row] = read_unit(*vectors_, row, options_.dimensions);
  } catch (const Failure&) {
    return;  // the row that led here is in; the codes stay as coarse as they were
  }
  std::vector<float> mean(options_.dimensions);
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (!attributes_.live(row)) continue;
    for (std::size_t i = 0; i < units[row].size(); ++i) mean[i] += units[row][i] / float(live_);
  }
  const std::unique_lock searches_have_ended(readers_);
  codes_.set_centre(mean);
  for (std::uint32_t row = 0; row < rows; ++row)
    if (!units[row].empty()) codes_.set(row, codes_.encode(units[row]));
}

}  // namespace chexworld
