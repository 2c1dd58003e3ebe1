// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "index/index.h"

#include <algorithm>
#include <mutex>

namespace chexworld {
namespace {

/// A unit vector as it is kept; empty for a place that was wiped.
std::vector<float> read_unit(const VectorFile& file, std::uint32_t row, std::size_t dimensions) {
  std::vector<float> vector(file.padded());
  file.read(row, vector);
  if (std::all_of(vector.begin(), vector.end(), [](float value) { return value == 0; })) return {};
  vector.resize(dimensions);
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
