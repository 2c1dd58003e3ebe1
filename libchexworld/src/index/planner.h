// SPDX-License-Identifier: Apache-2.0
//
// Graph or scan: a pure function of counts, so that equal questions to equal indexes take equal ways.
#pragma once

#include <cstddef>

namespace chexworld {

struct SearchSizes {
  std::size_t rows = 0;      ///< live rows
  std::size_t matching = 0;  ///< of them, those that meet the filter
  std::size_t width = 0;     ///< candidates the walk would keep
};

/// Rows that a walk is expected to compare with the query, filter included.
double expected_visits(const SearchSizes& sizes);

/// Whether comparing with all matching rows should cost less than the walk.
bool scan_is_cheaper(const SearchSizes& sizes);

/// After so many comparisons a walk has cost what the scan would have: better to change over.
std::size_t most_visits(const SearchSizes& sizes);

}  // namespace chexworld
