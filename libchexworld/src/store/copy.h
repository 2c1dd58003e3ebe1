// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/sql.h"

namespace chexworld {

/// Copies every table in one transaction of `to` from one snapshot of `from`. Both have the newest schema.
/// Throws Failure(kConflict) when `to` holds anything.
void copy_tables(Database& from, Database& to);

/// Reads every table; what contradicts itself, one sentence each.
std::vector<std::string> contradictions(SqlSession& session);

}  // namespace chexworld
