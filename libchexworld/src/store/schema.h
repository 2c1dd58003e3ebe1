// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/sql.h"

namespace chexworld {

/// Creates the tables or brings them up to date, in one transaction; several processes may try at once.
/// Throws Failure: kUnsupported when a newer chexworld wrote them, kNotFound when there are none and `create` is false.
void migrate_schema(Database& database, bool create);

/// What this program writes.
std::int64_t newest_schema();

/// Every table with its columns, parents before children; copies walk it.
struct Table {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::string> key;  ///< the primary key; the first column is the row number if `numbered`
  bool numbered = false;
};
const std::vector<Table>& tables();

}  // namespace chexworld
