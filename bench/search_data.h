// SPDX-License-Identifier: Apache-2.0
//
// Vectors for bench_search, made up: docs/search.md says how, and that they are not fitted to real embeddings yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace chexworld::bench {

struct SearchData {
  std::size_t dimensions = 0;
  std::vector<float> base;           ///< f32[N, D], unit length
  std::vector<float> queries;        ///< f32[Q, D], unit length, from the same clouds
  std::vector<std::uint32_t> truth;  ///< u32[Q, 10], nearest first, by exhaustive comparison in single precision

  std::size_t count() const { return base.size() / dimensions; }
  std::size_t query_count() const { return queries.size() / dimensions; }
  std::span<const float> row(std::size_t i) const { return {base.data() + i * dimensions, dimensions}; }
  std::span<const float> query(std::size_t i) const { return {queries.data() + i * dimensions, dimensions}; }
};

/// Gaussian clouds around Gaussian centres; the variance of axis i falls as 1 / (1 + i), as in principal components of
/// image embeddings; one centre per 200 vectors, clouds 0.6 times as wide as the centres' own cloud.
SearchData make_search_data(std::size_t count, std::size_t query_count, std::size_t dimensions, std::uint64_t seed);

/// Share of the ten nearest of a query that is among the ids.
double recall_at_10(const SearchData& data, std::size_t query, std::span<const std::uint64_t> ids);

/// base.f32, queries.f32, truth.u32 for peers.
void write_search_data(const SearchData& data, const std::filesystem::path& folder);

}  // namespace chexworld::bench
