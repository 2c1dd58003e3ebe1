// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/index_set.h"
#include "store/store.h"

#include <string>
#include <vector>

namespace chexworld {

/// Where indexes that were followed to the end and their store disagree, one sentence each: rows that are missing or
/// too many, attributes that differ, indexes that are stale. Nobody may write meanwhile.
std::vector<std::string> index_contradictions(Store& store, const IndexSet& indexes);

}  // namespace chexworld
