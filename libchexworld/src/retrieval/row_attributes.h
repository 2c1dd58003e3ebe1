// SPDX-License-Identifier: Apache-2.0
//
// Between what the store knows of a result and what an index filters by. Texts become codes that may coincide for
// different texts, so a filter in the index never misses a row but may let a wrong one pass; meets() decides.
#pragma once

#include "index/attributes.h"
#include "retrieval/search_request.h"
#include "store/store.h"

#include <cstdint>
#include <string_view>

namespace chexworld {

/// 64 bits of the text's SHA-256, never 0; 0 for an empty text.
std::uint64_t text_key(std::string_view text);

RowAttributes row_attributes(const StoredResult& stored);

/// Throws Failure(kNotFound) for a finding that the model does not have or a label that is not in use, kInvalidArgument
/// for what cannot be. The store is asked for its label codes where the filter needs them.
SearchFilter index_filter(const ResultFilter& filter, const ModelRecord& model, Store& store);

/// Whether a result meets every condition but the exclusions.
bool meets(const ResultFilter& filter, const ModelRecord& model, const StoredResult& stored);

/// "PA", "AP", "frontal", in any case.
bool is_frontal(std::string_view view);

}  // namespace chexworld
