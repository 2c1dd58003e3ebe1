// SPDX-License-Identifier: Apache-2.0
#include "index/planner.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

// A walk compares about this many rows per kept candidate, more as the index grows (10^6 rows, width 384: 4,147 by
// this, 3,755 counted). Each comparison (heaps, links, scattered memory) costs between 1.3 times a scanned row
// (scattered) and 7 times (everything in order); docs/search.md.
constexpr double kVisitsPerCandidate = 9;
constexpr double kVisitCost = 2.0;

}  // namespace

double expected_visits(const SearchSizes& sizes) {
  const double rows = double(std::max<std::size_t>(sizes.rows, 1));
  const double walk = double(sizes.width) * kVisitsPerCandidate * std::max(1.0, std::log10(rows) / 5);
  const double passing = double(std::max<std::size_t>(sizes.matching, 1)) / rows;
  return std::min(walk / passing, rows);
}

bool scan_is_cheaper(const SearchSizes& sizes) { return double(sizes.matching) <= kVisitCost * expected_visits(sizes); }

std::size_t most_visits(const SearchSizes& sizes) {
  return std::size_t(std::max(4 * expected_visits(sizes), double(sizes.matching)));
}

}  // namespace chexworld
