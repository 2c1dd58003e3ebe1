// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/index.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace chexworld::test {

using Vectors = std::vector<std::vector<float>>;

/// Vectors in clusters, as embeddings are: `centres` Gaussian clouds around Gaussian centres, axes of falling variance.
inline Vectors clouds(std::size_t count, std::size_t dimensions, std::uint64_t seed, std::size_t centres = 40) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> spread(dimensions);
  for (std::size_t i = 0; i < dimensions; ++i) spread[i] = 1 / std::sqrt(1 + float(i));
  const auto draw = [&](float scale) {
    std::vector<float> vector(dimensions);
    for (std::size_t i = 0; i < dimensions; ++i) vector[i] = scale * spread[i] * normal(random);
    return vector;
  };
  Vectors middle;
  for (std::size_t i = 0; i < centres; ++i) middle.push_back(draw(1));
  Vectors vectors;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<float> vector = draw(0.7f);
    const std::vector<float>& centre = middle[random() % centres];
    for (std::size_t j = 0; j < dimensions; ++j) vector[j] += centre[j];
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

/// Takes the last `count` away, as queries from the same clouds.
inline Vectors take_queries(Vectors& vectors, std::size_t count) {
  const auto first = vectors.end() - std::ptrdiff_t(count);
  Vectors queries(first, vectors.end());
  vectors.erase(first, vectors.end());
  return queries;
}

inline double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += double(a[i]) * b[i];
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

/// The ids (places in `vectors`) of the k most similar that `accept`, by brute force in double precision.
template <class Accept>
std::vector<std::uint64_t> nearest(const Vectors& vectors, const std::vector<float>& query, std::size_t k,
                                   const Accept& accept) {
  std::vector<std::pair<double, std::uint64_t>> ranked;
  for (std::size_t i = 0; i < vectors.size(); ++i)
    if (accept(i)) ranked.push_back({-cosine(query, vectors[i]), i});
  const auto middle = ranked.begin() + std::ptrdiff_t(std::min(k, ranked.size()));
  std::partial_sort(ranked.begin(), middle, ranked.end());
  std::vector<std::uint64_t> ids;
  for (auto it = ranked.begin(); it != middle; ++it) ids.push_back(it->second);
  return ids;
}

inline std::vector<std::uint64_t> ids_of(const SearchAnswer& answer) {
  std::vector<std::uint64_t> ids;
  for (const SearchHit& hit : answer.hits) ids.push_back(hit.id);
  return ids;
}

/// The share of `truth` that was found.
inline double recall(const std::vector<std::uint64_t>& found, const std::vector<std::uint64_t>& truth) {
  const std::set<std::uint64_t> have(found.begin(), found.end());
  std::size_t hits = 0;
  for (const std::uint64_t id : truth) hits += have.count(id);
  return truth.empty() ? 1 : double(hits) / double(truth.size());
}

/// The share of the truth that was found, where a row that half precision cannot tell from the last of the truth
/// counts as well.
inline double recall_but_for_ties(const Vectors& vectors, const std::vector<float>& query,
                                  const std::vector<std::uint64_t>& found, const std::vector<std::uint64_t>& truth) {
  if (truth.empty()) return 1;
  const double least = cosine(query, vectors[truth.back()]) - 0x1p-11;
  const auto good =
      std::count_if(found.begin(), found.end(), [&](std::uint64_t id) { return cosine(query, vectors[id]) >= least; });
  return double(good) / double(truth.size());
}

inline SearchQuery query_for(const std::vector<float>& vector, SearchMethod method = SearchMethod::kAuto) {
  SearchQuery query;
  query.positive = {vector};
  query.method = method;
  return query;
}

inline void fill(VectorIndex& index, const Vectors& vectors, std::uint64_t first_id = 0) {
  for (std::size_t i = 0; i < vectors.size(); ++i) index.upsert({first_id + i, vectors[i], {}});
}

/// Small address space, so that sanitizers need not watch much of it.
inline IndexOpening small() { return {std::size_t{1} << 18, false}; }

}  // namespace chexworld::test
