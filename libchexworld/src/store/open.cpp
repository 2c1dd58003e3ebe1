// SPDX-License-Identifier: Apache-2.0
//
// Opening, copying and backing up whole stores.
#include "base/failure.h"
#include "base/file.h"
#include "store/copy.h"
#include "store/postgres_database.h"
#include "store/schema.h"
#include "store/sql_store.h"
#include "store/sqlite_database.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

bool is_connection_string(const std::string& location) {
  if (location.starts_with("postgresql://") || location.starts_with("postgres://")) return true;
  for (const char* key : {"dbname=", "host=", "service="}) {
    const std::size_t found = location.find(key);
    if (found == 0 || (found != std::string::npos && location[found - 1] == ' ')) return true;
  }
  return false;
}

std::unique_ptr<Database> open_database(const std::string& location, const StoreOptions& options) {
  if (location.empty()) fail(ErrorCode::kInvalidArgument, "a store needs a path or a connection string");
  std::unique_ptr<Database> database =
      is_connection_string(location) ? open_postgres(location, options) : open_sqlite(location, options);
  migrate_schema(*database, options.create);
  return database;
}

void sync(const fs::path& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || fsync(file.get()) != 0) fail_errno("writing " + path.string(), errno);
}

void remove_sqlite(const fs::path& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path.string() + suffix, ignored);
}

/// link() and not rename(): it never replaces what somebody else put there meanwhile.
void move_into_place(const fs::path& from, const fs::path& to) {
  sync(from);
  if (link(from.c_str(), to.c_str()) != 0) fail_errno("writing " + to.string(), errno);
  unlink(from.c_str());
  sync(to.parent_path().empty() ? fs::path(".") : to.parent_path());
}

}  // namespace

std::unique_ptr<Store> open_store(const std::string& location, const StoreOptions& options) {
  return std::make_unique<SqlStore>(open_database(location, options), *options.clock);
}

void copy_store(const std::string& from, const std::string& to, const StoreOptions& options) {
  StoreOptions existing = options;
  existing.create = false;
  const std::unique_ptr<Database> source = open_database(from, existing);
  const std::unique_ptr<Database> target = open_database(to, options);
  copy_tables(*source, *target);
}

std::vector<std::string> SqlStore::verify() {
  std::vector<std::string> found = database_->damages();
  if (!found.empty()) return found;
  database_->read([&](SqlSession& session) { found = contradictions(session); });
  return found;
}

void SqlStore::backup(const fs::path& path) {
  if (fs::exists(path)) fail(ErrorCode::kConflict, path.string() + " exists: a backup never replaces anything");
  const fs::path partial = path.string() + ".partial-" + std::to_string(getpid());
  remove_sqlite(partial);
  try {
    copy_tables(*database_, *open_database(partial.string(), {}));
    move_into_place(partial, path);
  } catch (...) {
    remove_sqlite(partial);
    throw;
  }
}

}  // namespace chexworld
