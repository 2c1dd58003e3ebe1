// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_session.h"

#include "base/failure.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace chexworld {
namespace {

ErrorCode code_of(int extended, int system_error) {
  const bool full = system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
  switch (extended & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM: return ErrorCode::kResourceExhausted;
    case SQLITE_IOERR: return full ? ErrorCode::kResourceExhausted : ErrorCode::kInputOutput;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::kMalformed;
    case SQLITE_TOOBIG: return ErrorCode::kTooLarge;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM: return ErrorCode::kInputOutput;
    default: return ErrorCode::kInternal;
  }
}

std::string_view remedy_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kResourceExhausted: return " (no space left: free some on that disk, then try again)";
    case ErrorCode::kUnavailable: return " (another process is writing to it: try again later)";
    case ErrorCode::kMalformed: return " (restore a backup, or remove the file and start anew)";
    default: return "";
  }
}

SqlValue value_of(sqlite3_stmt* statement, int column) {
  const auto size = std::size_t(sqlite3_column_bytes(statement, column));
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return std::int64_t(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)), size);
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return Bytes(bytes, bytes + size);
    }
    default: return std::monostate{};
  }
}

/// Binds one value; text and bytes must outlive the execution.
struct Binder {
  sqlite3_stmt* statement;
  int place;
  int operator()(std::monostate) const { return sqlite3_bind_null(statement, place); }
  int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, place, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, place, value); }
  int operator()(const std::string& value) const {
    return sqlite3_bind_text64(statement, place, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(const Bytes& value) const {
    return value.empty() ? sqlite3_bind_zeroblob(statement, place, 0)
                         : sqlite3_bind_blob64(statement, place, value.data(), value.size(), SQLITE_STATIC);
  }
};

}  // namespace

SqliteSession::SqliteSession(const std::filesystem::path& path, std::chrono::milliseconds patience)
    : name_(path.string()) {
  sqlite3* handle = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) fail(ErrorCode::kResourceExhausted, "opening the store " + name_ + ": out of memory");
  if (status != SQLITE_OK) fail_now();
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, int(std::min<std::int64_t>(patience.count(), 1 << 30)));
}

void SqliteSession::fail_now() {
  const ErrorCode code = code_of(sqlite3_extended_errcode(handle_.get()), sqlite3_system_errno(handle_.get()));
  fail(code, "the store " + name_ + ": " + sqlite3_errmsg(handle_.get()) + std::string(remedy_of(code)));
}

sqlite3_stmt* SqliteSession::prepare(const std::string& sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    fail_now();
  return statements_.emplace(sql, Statement(statement)).first->second.get();
}

void SqliteSession::bind(sqlite3_stmt* statement, std::span<const SqlValue> parameters) {
  for (int place = 1; place <= sqlite3_bind_parameter_count(statement); ++place) {
    const char* name = sqlite3_bind_parameter_name(statement, place);  // "$3"
    const std::size_t number = name == nullptr ? 0 : std::strtoul(name + 1, nullptr, 10);
    if (number < 1 || number > parameters.size())
      fail(ErrorCode::kInternal, "a statement of the store lacks a parameter");
    if (std::visit(Binder{statement, place}, parameters[number - 1]) != SQLITE_OK) fail_now();
  }
}

SqlRows SqliteSession::step_through(sqlite3_stmt* statement) {
  SqlRows rows;
  for (;;) {
    const int status = sqlite3_step(statement);
    if (status == SQLITE_DONE) return rows;
    if (status != SQLITE_ROW) fail_now();
    std::vector<SqlValue> values;
    for (int column = 0; column < sqlite3_column_count(statement); ++column)
      values.push_back(value_of(statement, column));
    rows.emplace_back(std::move(values));
  }
}

SqlRows SqliteSession::run(const std::string& sql, std::span<const SqlValue> parameters) {
  struct Reset {
    sqlite3_stmt* statement;
    ~Reset() {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  };
  sqlite3_stmt* statement = prepare(sql);
  const Reset reset{statement};
  bind(statement, parameters);
  return step_through(statement);
}

void SqliteSession::script(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail_now();
}

void SqliteSession::rollback() noexcept {
  if (sqlite3_get_autocommit(handle_.get()) == 0) sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace chexworld
