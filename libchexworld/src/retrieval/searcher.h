// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/index.h"
#include "retrieval/search_request.h"
#include "store/store.h"

namespace chexworld {

/// Finds by the index, reads what is found from the store and returns what exists there and meets the filter.
SearchReply search_index(Store& store, const VectorIndex& index, const ModelRecord& model,
                         const SearchRequest& request);

/// Compares every result of the model in the store: exact, needs no index, reads everything. The model of an empty
/// SearchRequest::model_id is the store's active one, or its only one. Errors as Retrieval::search.
SearchReply search_store(Store& store, const SearchRequest& request);

inline bool asks_for_region(const SearchRequest& request) {
  return request.positive.size() == 1 && std::holds_alternative<RegionExample>(request.positive[0]);
}
/// What to ask first in place of a request by region: images like the region's mean token or like its whole image.
SearchRequest region_candidates(Store& store, const ModelRecord& model, const SearchRequest& request);
/// Ranks what that found by the best matching region; images without patch tokens are left out.
void rank_by_region(Store& store, const ModelRecord& model, const SearchRequest& request, SearchReply& reply);

}  // namespace chexworld
