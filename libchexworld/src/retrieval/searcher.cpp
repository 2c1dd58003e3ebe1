// SPDX-License-Identifier: Apache-2.0
#include "retrieval/searcher.h"

#include "base/failure.h"
#include "retrieval/examples.h"
#include "retrieval/row_attributes.h"

#include <algorithm>
#include <map>

namespace chexworld {
namespace {

constexpr std::size_t kMostAsked = 10'000;  // of VectorIndex
constexpr std::size_t kExactMargin = 8;

SearchQuery query_of(Store& store, const SearchRequest& request, const ModelRecord& model,
                     const ResolvedExamples& examples) {
  SearchQuery query;
  query.positive = examples.positive;
  query.negative = examples.negative;
  query.negative_weight = float(request.negative_weight);
  query.combine = examples.best_of ? Combine::kBest : Combine::kMean;
  query.filter = index_filter(request.filter, model, store);
  if (request.filter.exclude_same_patient && examples.patients.size() == 1)
    query.filter.exclude_patient = text_key(*examples.patients.begin());
  if (request.filter.exclude_same_study && examples.studies.size() == 1)
    query.filter.exclude_study = text_key(*examples.studies.begin());
  if (request.exact) query.method = SearchMethod::kScan;
  return query;
}

/// Hits with what the store has for them; those that are gone from it are left out.
std::vector<ResultHit> read_hits(Store& store, const ModelRecord& model, const std::vector<SearchHit>& found) {
  std::vector<std::int64_t> rows;
  for (const SearchHit& hit : found) rows.push_back(std::int64_t(hit.id));
  std::map<std::int64_t, StoredResult> stored;
  for (StoredResult& result : store.rows(model.model_id, rows)) stored.emplace(result.row, std::move(result));
  std::vector<ResultHit> hits;
  for (const SearchHit& hit : found) {
    const auto result = stored.find(std::int64_t(hit.id));
    if (result != stored.end()) hits.push_back({std::move(result->second), hit.score, hit.distance, std::nullopt});
  }
  return hits;
}

/// The way out where nearly all that the index lets pass is refused: reads the whole store.
SearchReply everything(Store& store, const ModelRecord& model, SearchRequest request, std::size_t compared) {
  request.model_id = model.model_id;
  SearchReply reply = search_store(store, request);
  reply.compared += compared;
  return reply;
}

}  // namespace

// What the index returns may be refused afterwards (gone from the store, an example, a code shared by two
// institutions or by rare labels): then it is asked for more.
SearchReply search_index(Store& store, const VectorIndex& index, const ModelRecord& model,
                         const SearchRequest& request) {
  if (asks_for_region(request)) {
    check(request);
    SearchReply reply = search_index(store, index, model, region_candidates(store, model, request));
    rank_by_region(store, model, request, reply);
    return reply;
  }
  const ResolvedExamples examples = resolve(store, model, request);
  SearchQuery query = query_of(store, request, model, examples);
  SearchReply reply{model.model_id, {}, 0, false};
  // Codes decide who is ranked exactly; asking for more makes a scan miss nobody.
  const std::size_t margin = request.exact ? kExactMargin : 1;
  const std::size_t spare = request.include_examples ? 0 : examples.rows.size();
  for (query.k = std::min(kMostAsked, margin * (request.k + spare));; query.k = std::min(kMostAsked, 4 * query.k)) {
    const SearchAnswer answer = index.search(query);
    reply.compared += answer.compared;
    reply.exact = answer.method == SearchMethod::kScan;
    reply.hits = read_hits(store, model, answer.hits);
    std::erase_if(reply.hits, [&](const ResultHit& hit) { return !acceptable(request, model, examples, hit.result); });
    if (reply.hits.size() >= request.k || answer.hits.size() < query.k) break;
    if (query.k == kMostAsked) return everything(store, model, request, reply.compared);
  }
  if (reply.hits.size() > request.k) reply.hits.erase(reply.hits.begin() + std::ptrdiff_t(request.k), reply.hits.end());
  return reply;
}

}  // namespace chexworld
