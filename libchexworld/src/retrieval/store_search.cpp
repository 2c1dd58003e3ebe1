// SPDX-License-Identifier: Apache-2.0
//
// Searching without an index.
#include "base/failure.h"
#include "index/quantise.h"
#include "retrieval/examples.h"
#include "retrieval/row_attributes.h"
#include "retrieval/searcher.h"

#include <algorithm>
#include <numeric>

namespace chexworld {
namespace {

constexpr std::uint32_t kPage = 500;

ModelRecord model_asked(Store& store, const std::string& asked) {
  const std::vector<ModelState> models = store.models();
  if (models.empty()) fail(ErrorCode::kUnavailable, "the store holds no results yet");
  for (const ModelState& state : models)
    if (asked.empty() ? state.active || models.size() == 1 : state.model.model_id == asked) return state.model;
  if (asked.empty()) fail(ErrorCode::kInvalidArgument, "the store has several models and none is active: name one");
  fail(ErrorCode::kNotFound, "the store knows no model " + asked);
}

void add_mean(std::vector<float>& sum, const std::vector<std::vector<float>>& vectors, double weight) {
  for (const std::vector<float>& vector : vectors) {
    const std::vector<float> unit = normalised(vector);
    for (std::size_t i = 0; i < unit.size(); ++i) sum[i] += float(weight / double(vectors.size())) * unit[i];
  }
}

/// Unit vectors; the score is the largest cosine with any of them.
std::vector<std::vector<float>> targets(const SearchRequest& request, const ResolvedExamples& examples) {
  std::vector<std::vector<float>> found;
  if (examples.best_of) {
    for (const std::vector<float>& vector : examples.positive) found.push_back(normalised(vector));
    return found;
  }
  std::vector<float> sum(examples.positive.at(0).size());
  add_mean(sum, examples.positive, 1);
  add_mean(sum, examples.negative, -request.negative_weight);
  return {normalised(sum)};
}

float score_of(const std::vector<std::vector<float>>& wanted, const std::vector<float>& embedding) {
  const std::vector<float> unit = normalised(embedding);
  float best = -1;
  for (const std::vector<float>& target : wanted)
    best = std::max(best, std::inner_product(unit.begin(), unit.end(), target.begin(), 0.0f));
  return std::clamp(best, -1.0f, 1.0f);
}

bool comes_before(const ResultHit& a, const ResultHit& b) {
  return a.score != b.score ? a.score > b.score : a.result.row < b.result.row;
}

void keep_best(std::vector<ResultHit>& hits, std::size_t k) {
  const auto end = hits.begin() + std::ptrdiff_t(std::min(k, hits.size()));
  std::partial_sort(hits.begin(), end, hits.end(), comes_before);
  hits.erase(end, hits.end());
}

}  // namespace

SearchReply search_store(Store& store, const SearchRequest& request) {
  const ModelRecord model = model_asked(store, request.model_id);
  if (asks_for_region(request)) {
    check(request);
    SearchRequest wide = region_candidates(store, model, request);
    wide.model_id = model.model_id;
    SearchReply reply = search_store(store, wide);
    rank_by_region(store, model, request, reply);
    return reply;
  }
  const ResolvedExamples examples = resolve(store, model, request);
  index_filter(request.filter, model, store);  // refuses what an index would
  const std::vector<std::vector<float>> wanted = targets(request, examples);
  SearchReply reply{model.model_id, {}, 0, true};
  for (std::uint64_t position = 0;;) {
    ChangePage page = store.changes(model.model_id, position, kPage);
    if (page.changes.empty()) break;
    position = page.changes.back().sequence;
    for (Change& change : page.changes) {
      if (!change.result || !acceptable(request, model, examples, *change.result)) continue;
      const float score = score_of(wanted, change.result->result.embedding);
      ++reply.compared;
      reply.hits.push_back({std::move(*change.result), score, 1 - score, std::nullopt});
    }
    keep_best(reply.hits, request.k);
  }
  return reply;
}

}  // namespace chexworld
