// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/sql.h"

#include <chrono>
#include <memory>
#include <sqlite3.h>
#include <unordered_map>

namespace chexworld {

/// One connection to an SQLite file. Not thread safe.
class SqliteSession final : public SqlSession {
 public:
  SqliteSession(const std::filesystem::path& path, std::chrono::milliseconds patience);
  SqliteSession(const SqliteSession&) = delete;
  SqliteSession& operator=(const SqliteSession&) = delete;

  using SqlSession::run;
  SqlRows run(const std::string& sql, std::span<const SqlValue> parameters) override;
  std::int64_t affected() const override { return sqlite3_changes64(handle_.get()); }
  void script(const std::string& sql) override;
  /// Undoes the open transaction, if any; never throws.
  void rollback() noexcept;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  sqlite3_stmt* prepare(const std::string& sql);
  void bind(sqlite3_stmt* statement, std::span<const SqlValue> parameters);
  SqlRows step_through(sqlite3_stmt* statement);
  [[noreturn]] void fail_now();

  std::string name_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<std::string, Statement> statements_;  // finalised before handle_ closes
};

}  // namespace chexworld
