// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_database.h"

#include "base/failure.h"
#include "base/file.h"
#include "store/sqlite_session.h"

#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <thread>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostIdleReaders = 8;

// foreign_keys and synchronous belong to the connection, the others to the file.
constexpr const char* kConnectionSettings =
    "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; "
    "PRAGMA journal_size_limit=67108864";

Dialect sqlite_dialect() {
  Dialect dialect;
  dialect.backend = "sqlite";
  dialect.id = "INTEGER PRIMARY KEY AUTOINCREMENT";
  dialect.integer = "INTEGER";
  dialect.real = "REAL";
  dialect.bytes = "BLOB";
  dialect.vector = "BLOB";
  dialect.strict = "STRICT";
  dialect.count_schema = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'chexworld_schema'";
  return dialect;
}

/// Medical data: nobody else may read it. SQLite gives its -wal and -shm files the same mode.
void create_private_file(const fs::path& path) {
  const FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) fail_errno("creating the store " + path.string(), errno);
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const fs::path& path, const StoreOptions& options)
      : path_(path), patience_(options.patience), dialect_(sqlite_dialect()), writer_(path, options.patience) {
    refuse_foreign_file();
    enter_wal_mode();
    writer_.script(kConnectionSettings);
  }

  void read(const Work& work) override {
    std::unique_ptr<SqliteSession> reader = take_reader();
    reader->script("BEGIN");
    try {
      work(*reader);
    } catch (...) {
      reader->rollback();
      give_back(std::move(reader));
      throw;
    }
    reader->rollback();
    give_back(std::move(reader));
  }

  void write(const Work& work) override {
    const std::lock_guard lock(writer_mutex_);
    writer_.script("BEGIN IMMEDIATE");
    try {
      work(writer_);
      writer_.script("COMMIT");
    } catch (...) {
      writer_.rollback();
      throw;
    }
  }

  const Dialect& dialect() const override { return dialect_; }
  std::string location() const override { return path_.string(); }

  std::uint64_t size_bytes() override {
    std::uint64_t total = 0;
    for (const char* suffix : {"", "-wal"}) {
      std::error_code ignored;
      const std::uintmax_t size = fs::file_size(path_.string() + suffix, ignored);
      if (!ignored) total += size;
    }
    return total;
  }

  std::vector<std::string> damages() override {
    std::vector<std::string> found;
    read([&](SqlSession& session) {
      found.clear();
      for (const SqlRow& row : session.run("PRAGMA integrity_check(20)")) {
        if (row.text(0) != "ok") found.push_back(row.text(0));
      }
      for (const SqlRow& row : session.run("PRAGMA foreign_key_check"))
        found.push_back("a row of " + row.text(0) + " belongs to nothing in " + row.text(2));
    });
    return found;
  }

  void adopt_row_numbers(SqlSession& session, const std::string& table, std::int64_t largest) override {
    session.run("DELETE FROM sqlite_sequence WHERE name = $1", {table});
    session.run("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", {table, largest});
  }

 private:
  void refuse_foreign_file() {
    const bool ours = writer_.run(dialect_.count_schema)[0].integer(0) > 0;
    if (!ours && writer_.run("SELECT count(*) FROM sqlite_master")[0].integer(0) > 0)
      fail(ErrorCode::kMalformed, path_.string() + " is an SQLite file, but not a chexworld store: name another path");
  }

  /// Several processes may create the store at once; SQLite does not wait by itself for this change.
  void enter_wal_mode() {
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    for (;;) {
      try {
        writer_.script("PRAGMA page_size=8192");  // of use only for a file without pages
        const SqlRows mode = writer_.run("PRAGMA journal_mode=WAL");
        if (!mode.empty() && mode[0].text(0) == "wal") return;
        fail(ErrorCode::kUnsupported,
             "the store " + path_.string() + " cannot use a write-ahead log there: put it on a local disk");
      } catch (const Failure& failure) {
        if (failure.error().code() != ErrorCode::kUnavailable || std::chrono::steady_clock::now() > deadline) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
  }

  std::unique_ptr<SqliteSession> take_reader() {
    {
      const std::lock_guard lock(readers_mutex_);
      if (!idle_readers_.empty()) {
        std::unique_ptr<SqliteSession> reader = std::move(idle_readers_.back());
        idle_readers_.pop_back();
        return reader;
      }
    }
    auto reader = std::make_unique<SqliteSession>(path_, patience_);
    reader->script(kConnectionSettings);
    reader->script("PRAGMA query_only=ON");
    return reader;
  }

  void give_back(std::unique_ptr<SqliteSession> reader) {
    const std::lock_guard lock(readers_mutex_);
    if (idle_readers_.size() < kMostIdleReaders) idle_readers_.push_back(std::move(reader));
  }

  const fs::path path_;
  const std::chrono::milliseconds patience_;
  const Dialect dialect_;
  std::mutex writer_mutex_;
  SqliteSession writer_;  // guarded by writer_mutex_
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteSession>> idle_readers_;  // guarded by readers_mutex_
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const fs::path& path, const StoreOptions& options) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) fail(ErrorCode::kInvalidArgument, path.string() + " is a folder, not a store");
  if (!fs::exists(path, ignored)) {
    if (!options.create) fail(ErrorCode::kNotFound, "there is no chexworld store at " + path.string());
    create_private_file(path);
  }
  return std::make_unique<SqliteDatabase>(path, options);
}

}  // namespace chexworld
