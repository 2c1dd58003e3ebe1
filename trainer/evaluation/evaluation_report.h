// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "trainer/evaluation/evaluation.h"

#include <string>

namespace chexworld {

/// One page that needs nothing beside it: `summary` (key to text), headline numbers, a table and curves per finding,
/// subgroups with gaps, and how to read them.
std::string evaluation_report(const std::string& title, const Json& summary, const Evaluation& evaluation);

/// What stands on that page, for pages that say more: `between` (HTML) comes after the summary.
std::string evaluation_body(const Json& summary, const Evaluation& evaluation, const std::string& between = "");

}  // namespace chexworld
