// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "index/index.h"
#include "index/planner.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <exception>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_set>

namespace chexworld {
namespace {

constexpr std::size_t kMostResults = 10'000;
constexpr std::size_t kLeastWidth = 384;
constexpr std::size_t kLeastRanked = 256;

std::size_t width_of(const SearchQuery& query) {
  return query.width != 0 ? std::max(query.width, query.k) : std::max(kLeastWidth, 2 * query.k);
}

/// How many of the approximately best are ranked exactly: codes misjudge a cosine by about 0.001.
std::size_t ranked_of(const SearchQuery& query) { return std::max(kLeastRanked, 4 * query.k); }

void add_mean(std::vector<float>& sum, const std::vector<std::vector<float>>& vectors, float weight) {
  for (const std::vector<float>& vector : vectors) {
    const std::vector<float> unit = normalised(vector);
    for (std::size_t i = 0; i < unit.size(); ++i) sum[i] += weight / float(vectors.size()) * unit[i];
  }
}

}  // namespace

/// Unit vectors, padded to whole blocks of 16, and their codes; a row's score is the largest of its cosines.
struct VectorIndex::Target {
  std::vector<std::vector<float>> units;
  std::vector<QueryCode> codes;

  void add(std::span<const float> vector, const CodeTable& table, std::size_t padded) {
    units.push_back(normalised(vector));
    codes.push_back(table.encode(units.back()));
    units.back().resize(padded);
  }
};

void VectorIndex::check(const SearchQuery& query) const {
  if (query.k < 1 || query.k > kMostResults || query.width > 4 * kMostResults)
    fail(ErrorCode::kInvalidArgument, "a search returns 1 to 10000 rows and keeps at most 40000 candidates");
  if (query.positive.empty()) fail(ErrorCode::kInvalidArgument, "a search needs a positive example");
  if (query.combine == Combine::kBest && !query.negative.empty())
    fail(ErrorCode::kInvalidArgument, "negative examples need combine = mean");
  if (!(query.negative_weight >= 0 && query.negative_weight <= 1))
    fail(ErrorCode::kInvalidArgument, "the weight of negative examples lies in 0 to 1");
  for (const auto* examples : {&query.positive, &query.negative})
    for (const std::vector<float>& vector : *examples)
      if (vector.size() != options_.dimensions)
        fail(ErrorCode::kInvalidArgument, "the index holds vectors of " + std::to_string(options_.dimensions) +
                                              " dimensions, asked for one of " + std::to_string(vector.size()));
  attributes_.check(query.filter);
}

VectorIndex::Target VectorIndex::target_of(const SearchQuery& query) const {
  Target target;
  if (query.combine == Combine::kBest) {
    for (const std::vector<float>& vector : query.positive) target.add(vector, codes_, vectors_->padded());
    return target;
  }
  std::vector<float> sum(options_.dimensions);
  add_mean(sum, query.positive, 1);
  add_mean(sum, query.negative, -query.negative_weight);
  target.add(sum, codes_, vectors_->padded());
  return target;
}

SearchAnswer VectorIndex::search(const SearchQuery& query) const {
  check(query);
  const std::shared_lock lock(readers_);
  const Target target = target_of(query);
  SearchAnswer answer;
  const std::vector<Candidate> found = candidates(query, target, answer);
  answer.hits = ranked(target, found, query.k);
  return answer;
}

// The rows that may belong to the answer, for every unit vector of the target; some more than once.
std::vector<Candidate> VectorIndex::candidates(const SearchQuery& query, const Target& target,
                                               SearchAnswer& answer) const {
  const SearchFilter& filter = query.filter;
  const std::size_t rows = rows_.load(std::memory_order_acquire);
  std::optional<RowMask> mask;
  if (AttributeTable::restricts(filter)) mask = attributes_.matching(filter, rows);
  const RowTest accept = [&](std::uint32_t row) {
    if (!attributes_.live(row) || (mask && !mask->holds(row))) return false;
    return (filter.exclude_patient == 0 || attributes_.patient(row) != filter.exclude_patient) &&
           (filter.exclude_study == 0 || attributes_.study(row) != filter.exclude_study);
  };
  const SearchSizes sizes{size(), mask ? mask->count : size(), width_of(query)};
  const bool scans =
      query.method == SearchMethod::kScan || (query.method == SearchMethod::kAuto && scan_is_cheaper(sizes));
  answer.method = scans ? SearchMethod::kScan : SearchMethod::kGraph;

  std::vector<Candidate> all;
  for (const QueryCode& code : target.codes) {
    std::vector<Candidate> some;
    if (answer.method == SearchMethod::kGraph) {
      const bool may_change = query.method == SearchMethod::kAuto;
      Graph::Found found = graph_.search(code, sizes.width, accept, may_change ? most_visits(sizes) : ~std::size_t{0});
      answer.compared += found.visited;
      if (may_change && (found.exhausted || found.rows.size() < std::min(sizes.width, sizes.matching))) {
        answer.method = SearchMethod::kScan;  // the filter and the graph do not go together
      } else {
        some = std::move(found.rows);
        some.resize(std::min(some.size(), ranked_of(query)));
      }
    }
    if (answer.method == SearchMethod::kScan)
      some = scan(code, ranked_of(query), accept, mask ? &*mask : nullptr, answer.compared);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<Candidate> VectorIndex::scan(const QueryCode& code, std::size_t keep, const RowTest& accept,
                                         const RowMask* mask, std::size_t& compared) const {
  constexpr std::size_t kAhead = 16;
  std::vector<Candidate> best;  // a heap, the worst on top
  const auto meet = [&](std::uint32_t row) {
    ++compared;
    const Candidate candidate{codes_.similarity(code, row), row};
    if ((best.size() == keep && !(candidate < best.front())) || !accept(row)) return;
    if (best.size() == keep) {
      std::pop_heap(best.begin(), best.end());
      best.pop_back();
    }
    best.push_back(candidate);
    std::push_heap(best.begin(), best.end());
  };
  std::vector<std::uint32_t> rows;  // of one stretch, so that memory can be asked for ahead
  const std::size_t words = mask != nullptr ? mask->words.size() : (rows_.load(std::memory_order_acquire) + 63) / 64;
  for (std::size_t word = 0; word < words;) {
    rows.clear();
    for (; word < words && rows.size() < 256; ++word) {
      std::uint64_t left = mask != nullptr ? mask->words[word] : attributes_.live_word(word);
      for (; left != 0; left &= left - 1)
        rows.push_back(std::uint32_t(word * 64 + std::size_t(std::countr_zero(left))));
    }
    for (std::size_t i = 0; i < std::min(kAhead, rows.size()); ++i) codes_.prefetch(rows[i]);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i + kAhead < rows.size()) codes_.prefetch(rows[i + kAhead]);
      meet(rows[i]);
    }
  }
  return best;
}

std::vector<SearchHit> VectorIndex::ranked(const Target& target, const std::vector<Candidate>& found,
                                           std::size_t k) const {
  std::vector<SearchHit> hits;
  std::vector<float> vector(vectors_->padded());
  for (const Candidate& candidate : found) {
    vectors_->read(candidate.row, vector);
    float score = -1;
    for (const std::vector<float>& unit : target.units) {
      const float cosine = kernels().dot_floats(unit.data(), vector.data(), vector.size());
      score = std::max(score, std::isfinite(cosine) ? cosine : candidate.similarity);  // damage on disk
    }
    score = std::clamp(score, -1.0f, 1.0f);
    hits.push_back({attributes_.id(candidate.row), score, 1 - score});
  }
  std::sort(hits.begin(), hits.end(), [](const SearchHit& a, const SearchHit& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  // An id may come twice: found for two examples, or met before and after its row was replaced.
  std::unordered_set<std::uint64_t> seen;
  std::vector<SearchHit> distinct;
  for (const SearchHit& hit : hits) {
    if (distinct.size() == k) break;
    if (seen.insert(hit.id).second) distinct.push_back(hit);
  }
  return distinct;
}

std::vector<SearchAnswer> VectorIndex::search_batch(std::span<const SearchQuery> queries, unsigned threads) const {
  std::vector<SearchAnswer> answers(queries.size());
  std::vector<std::exception_ptr> errors(queries.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < queries.size(); i = next++) {
      try {
        answers[i] = search(queries[i]);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads && i < queries.size(); ++i) helpers.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  return answers;
}

}  // namespace chexworld
