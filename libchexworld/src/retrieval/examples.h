// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "retrieval/search_request.h"
#include "store/store.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace chexworld {

/// What a request's examples come to.
struct ResolvedExamples {
  std::vector<std::vector<float>> positive;  ///< f32[D] each
  std::vector<std::vector<float>> negative;
  bool best_of = false;
  std::set<std::int64_t> rows;       ///< of the examples that are in the store
  std::set<std::string> patients;    ///< keys of the positive ones, without those not known
  std::set<std::string> studies;     ///< UIDs of the positive ones
  std::vector<StoredResult> stored;  ///< the positive ones that are in the store
};

/// Throws Failure(kInvalidArgument) for a request that contradicts itself, whatever the store holds.
void check(const SearchRequest& request);

/// Throws Failure: kNotFound for an example without a result of the model, kInvalidArgument.
ResolvedExamples resolve(Store& store, const ModelRecord& model, const SearchRequest& request);

/// Whether a result may be returned: the filter, its exclusions, and not an example itself.
bool acceptable(const SearchRequest& request, const ModelRecord& model, const ResolvedExamples& examples,
                const StoredResult& stored);

}  // namespace chexworld
