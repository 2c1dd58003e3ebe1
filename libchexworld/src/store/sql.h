// SPDX-License-Identifier: Apache-2.0
//
// The little of SQL that both backends share, so that the store is written once. Statements use the parameters $1, $2,
// ... (PostgreSQL's form, which SQLite reads as names) and return only whole numbers, floating point, text and bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace chexworld {

using Bytes = std::vector<std::byte>;
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string, Bytes>;

/// One row of an answer. Asking for another kind than the column holds throws Failure(kMalformed).
class SqlRow {
 public:
  explicit SqlRow(std::vector<SqlValue> values) : values_(std::move(values)) {}

  bool is_null(std::size_t column) const { return std::holds_alternative<std::monostate>(values_.at(column)); }
  std::int64_t integer(std::size_t column) const;
  double real(std::size_t column) const;
  const std::string& text(std::size_t column) const;
  const Bytes& bytes(std::size_t column) const;
  const std::vector<SqlValue>& values() const { return values_; }

 private:
  std::vector<SqlValue> values_;
};

using SqlRows = std::vector<SqlRow>;

/// One connection inside one transaction. Not thread safe.
class SqlSession {
 public:
  virtual ~SqlSession() = default;
  /// Runs one statement, prepared once per connection.
  virtual SqlRows run(const std::string& sql, std::span<const SqlValue> parameters) = 0;
  /// Rows inserted, changed or deleted by the last run().
  virtual std::int64_t affected() const = 0;
  /// Runs statements without parameters, separated by semicolons.
  virtual void script(const std::string& sql) = 0;

  SqlRows run(const std::string& sql, std::initializer_list<SqlValue> parameters) {
    return run(sql, std::span(parameters.begin(), parameters.size()));
  }
  SqlRows run(const std::string& sql) { return run(sql, std::span<const SqlValue>()); }
};

/// Where the backends differ.
struct Dialect {
  std::string backend;
  std::string id;                ///< column type of row numbers: growing, never reused
  std::string integer;           ///< 64 bits
  std::string real;              ///< 64 bits
  std::string bytes;             ///< any length
  std::string vector;            ///< f16 vectors
  std::string as_vector;         ///< after a parameter that is one
  std::string for_update;        ///< after a SELECT whose rows will be changed: wait for others that change them
  std::string for_share;         ///< after a SELECT whose rows must stay as they are until the end
  std::string skip_locked;       ///< likewise, but leave out what others are changing
  std::string strict;            ///< after a table definition
  std::string count_schema;      ///< statement: 1 where our tables are, else 0
  std::string before_migration;  ///< script; keeps other processes from migrating too

  /// Replaces {id}, {integer}, ... by what this backend calls them.
  std::string expand(std::string_view sql) const;
};

/// A database of one backend. Thread safe.
class Database {
 public:
  using Work = std::function<void(SqlSession&)>;

  virtual ~Database() = default;
  /// Runs `work` on one consistent snapshot. May run it more than once.
  virtual void read(const Work& work) = 0;
  /// Runs `work` in one transaction, durable on return; an exception undoes it. May run it more than once.
  virtual void write(const Work& work) = 0;
  virtual const Dialect& dialect() const = 0;
  virtual std::string location() const = 0;        ///< without credentials
  virtual std::uint64_t size_bytes() = 0;          ///< on disk
  virtual std::vector<std::string> damages() = 0;  ///< what the database itself finds wrong
  /// Milliseconds to add to this machine's clock, so that all users of the database agree about leases.
  virtual std::int64_t clock_offset_ms() { return 0; }
  /// After rows with given numbers were inserted: the next automatic number is above `largest`.
  virtual void adopt_row_numbers(SqlSession& session, const std::string& table, std::int64_t largest) = 0;
};

}  // namespace chexworld
