// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/attributes.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chexworld {

enum class SearchMethod {
  kAuto,   ///< whichever should cost less (planner.h)
  kGraph,  ///< walk the graph: approximate, time grows with the logarithm of the rows
  kScan,   ///< compare with every row that meets the filter
};

/// How several positive examples become one ranking.
enum class Combine {
  /// One query, mean(positive) - negative_weight * mean(negative), each of length 1 first (Rocchio 1971): "like all
  /// of these, unlike those". The score is the cosine with it.
  kMean,
  /// The score is the largest cosine with any positive example: "like at least one of these", as for the images of
  /// one study. Takes no negative examples.
  kBest,
};

struct SearchQuery {
  std::vector<std::vector<float>> positive;  ///< one or more, f32[D] each, of any length but 0
  std::vector<std::vector<float>> negative;  ///< f32[D] each
  float negative_weight = 0.25f;             ///< 0 to 1
  Combine combine = Combine::kMean;
  SearchFilter filter;
  std::size_t k = 10;     ///< 1 to 10,000
  std::size_t width = 0;  ///< candidates the graph walk keeps (ef); 0: chosen from k
  SearchMethod method = SearchMethod::kAuto;
};

struct SearchHit {
  std::uint64_t id = 0;
  float score = 0;     ///< cosine, -1 to 1
  float distance = 0;  ///< 1 - score

  friend bool operator==(const SearchHit&, const SearchHit&) = default;
};

struct SearchAnswer {
  std::vector<SearchHit> hits;                ///< best first; equal scores by id
  SearchMethod method = SearchMethod::kScan;  ///< what was done
  std::size_t compared = 0;                   ///< rows whose code was compared with the query
};

}  // namespace chexworld
