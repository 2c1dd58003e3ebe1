// SPDX-License-Identifier: Apache-2.0
//
// Vectors for bench_search: made by peers/search_vectors.py, with the structure of embeddings of real films, kept in a
// folder so that only the first run makes them.
#pragma once

#include "base/mapped_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace chexworld::bench {

struct SearchDataSize {
  std::size_t vectors = 1'000'000;
  std::size_t queries = 1000;
  std::size_t dimensions = 768;
  bool fitted = false;  ///< to embeddings of real films, made first; else to the aggregate figures of such a fit
};

/// Mapped from its folder: base.f32 f32[N, D] and queries.f32 f32[Q, D], unit length; truth.u32 u32[Q, 10], the ten
/// nearest of each query, nearest first.
class SearchData {
 public:
  /// Makes the files below `cache` where they are missing.
  SearchData(const std::filesystem::path& cache, const SearchDataSize& size);

  const std::filesystem::path& folder() const { return folder_; }
  std::size_t dimensions() const { return size_.dimensions; }
  std::size_t count() const { return size_.vectors; }
  std::size_t query_count() const { return size_.queries; }
  std::span<const float> row(std::size_t i) const { return vector(base_, i); }
  std::span<const float> query(std::size_t i) const { return vector(queries_, i); }
  std::span<const std::uint32_t> truth(std::size_t query) const;

 private:
  std::span<const float> vector(const MappedFile& file, std::size_t i) const;

  SearchDataSize size_;
  std::filesystem::path folder_;
  MappedFile base_, queries_, truth_;
};

/// Share of the nearest that is among the ids.
double recall(std::span<const std::uint32_t> nearest, std::span<const std::uint64_t> ids);

/// The ten nearest of a query among every `step`-th vector, by exhaustive comparison in single precision.
std::vector<std::uint32_t> nearest_of_every(const SearchData& data, std::size_t query, std::size_t step);

}  // namespace chexworld::bench
