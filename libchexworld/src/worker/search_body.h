// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"
#include "retrieval/search_request.h"
#include "service/arguments.h"

namespace chexworld {

/// The JSON body of a search; docs/rest.md describes it. Throws Failure naming the key.
SearchRequest search_from_json(Json body);

/// {"searches": [...]}, 1 to 100 of them. Failures name the place in the list.
std::vector<SearchRequest> searches_from_json(const Json& body);

/// The same as query arguments, without examples; takes them from `arguments`, whose finish() is the caller's.
SearchRequest search_from_arguments(Arguments& arguments);

}  // namespace chexworld
