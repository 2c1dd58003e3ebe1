// SPDX-License-Identifier: Apache-2.0
//
// Searching by a part of an image: the index names candidates, their patch tokens rank them.
#include "base/failure.h"
#include "retrieval/region_match.h"
#include "retrieval/searcher.h"

#include <algorithm>

namespace chexworld {
namespace {

constexpr std::size_t kLeastCandidates = 200;
constexpr std::size_t kCandidatesPerHit = 10;

PatchTokens require_patches(Store& store, const ModelRecord& model, std::int64_t row) {
  std::optional<PatchTokens> found = store.patch_tokens(model.model_id, row);
  if (!found)
    fail(ErrorCode::kNotFound,
         "the image asked for has no patch tokens in the store: they are kept from when the worker runs with "
         "--keep-patches; send the image again");
  return std::move(*found);
}

}  // namespace

SearchRequest region_candidates(Store& store, const ModelRecord& model, const SearchRequest& request) {
  const RegionExample& example = std::get<RegionExample>(request.positive.at(0));
  const std::optional<StoredResult> image = store.result(example.sop_instance_uid, model.model_id);
  if (!image) fail(ErrorCode::kNotFound, "the image asked for has no result of model " + model.model_id);
  const PatchTokens patches = require_patches(store, model, image->row);
  SearchRequest wide = request;
  wide.positive = {InstanceExample{example.sop_instance_uid},
                   VectorExample{mean_token(patches, window_of(example.region, patches))}};
  wide.best_of = true;
  wide.k = std::min<std::size_t>(1000, std::max(kLeastCandidates, kCandidatesPerHit * request.k));
  return wide;
}

void rank_by_region(Store& store, const ModelRecord& model, const SearchRequest& request, SearchReply& reply) {
  const RegionExample& example = std::get<RegionExample>(request.positive.at(0));
  const PatchTokens patches =
      require_patches(store, model, store.result(example.sop_instance_uid, model.model_id).value().row);
  const PatchWindow window = window_of(example.region, patches);
  const std::vector<float> wanted = unit_tokens(patches, window);
  std::vector<ResultHit> ranked;
  for (ResultHit& hit : reply.hits) {
    const std::optional<PatchTokens> tokens = store.patch_tokens(model.model_id, hit.result.row);
    if (!tokens) continue;
    const RegionMatch match = best_window(wanted, window, *tokens);
    hit.score = std::clamp(match.score, -1.0f, 1.0f);
    hit.distance = 1 - hit.score;
    hit.region = region_of(match.window, *tokens);
    ranked.push_back(std::move(hit));
  }
  std::sort(ranked.begin(), ranked.end(), [](const ResultHit& a, const ResultHit& b) {
    return a.score != b.score ? a.score > b.score : a.result.row < b.result.row;
  });
  if (ranked.size() > request.k) ranked.erase(ranked.begin() + std::ptrdiff_t(request.k), ranked.end());
  reply.hits = std::move(ranked);
  reply.exact = false;
}

}  // namespace chexworld
