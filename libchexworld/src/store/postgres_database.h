// SPDX-License-Identifier: Apache-2.0
//
// PostgreSQL 17 with pgvector, through libpq. Tables live in the schema "chexworld".
#pragma once

#include "store/sql.h"
#include "store/store.h"

namespace chexworld {

/// Connects; throws Failure(kUnavailable) with the server's reason. Later outages are waited for (options.patience).
std::unique_ptr<Database> open_postgres(const std::string& connection, const StoreOptions& options);

}  // namespace chexworld
