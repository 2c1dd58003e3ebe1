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

}  // namespace chexworld
