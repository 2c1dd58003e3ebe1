// SPDX-License-Identifier: Apache-2.0
//
// SQLite in WAL mode with synchronous=FULL: one writer and any number of readers in this process; other processes wait
// for the file's lock.
#pragma once

#include "store/sql.h"
#include "store/store.h"

namespace chexworld {

/// Opens the file, creating it (readable by its owner only) where `options.create` allows.
std::unique_ptr<Database> open_sqlite(const std::filesystem::path& path, const StoreOptions& options);

}  // namespace chexworld
