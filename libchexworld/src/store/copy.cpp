// SPDX-License-Identifier: Apache-2.0
#include "store/copy.h"

#include "base/failure.h"
#include "store/schema.h"

#include <algorithm>

namespace chexworld {
namespace {

constexpr std::size_t kPageRows = 500;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// "$1, $2, ..."; vectors are marked as such.
std::string placeholders(const std::vector<std::string>& columns) {
  std::vector<std::string> places;
  for (const std::string& column : columns)
    places.push_back("$" + std::to_string(places.size() + 1) + (column == "embedding" ? "{as_vector}" : ""));
  return joined(places);
}

/// The rows after `last` (a key; empty: from the start), in the order of the key.
SqlRows next_page(SqlSession& session, const Table& table, const std::vector<SqlValue>& last) {
  std::string sql = "SELECT " + joined(table.columns) + " FROM " + table.name;
  if (!last.empty()) sql += " WHERE (" + joined(table.key) + ") > (" + placeholders(table.key) + ")";
  sql += " ORDER BY " + joined(table.key) + " LIMIT " + std::to_string(kPageRows);
  return session.run(sql, last);
}

std::vector<SqlValue> key_of(const Table& table, const SqlRow& row) {
  std::vector<SqlValue> key;
  for (const std::string& column : table.key) {
    const auto place = std::find(table.columns.begin(), table.columns.end(), column) - table.columns.begin();
    key.push_back(row.values()[std::size_t(place)]);
  }
  return key;
}

void refuse_used(SqlSession& session, const std::string& location) {
  for (const Table& table : tables()) {
    if (!session.run("SELECT 1 FROM " + table.name + " LIMIT 1").empty())
      fail(ErrorCode::kConflict, "the store " + location + " is not empty: copying needs a new one");
  }
}

void copy_table(const Table& table, SqlSession& from, SqlSession& to, Database& target) {
  const std::string insert = target.dialect().expand("INSERT INTO " + table.name + " (" + joined(table.columns) +
                                                     ") VALUES (" + placeholders(table.columns) + ")");
  std::vector<SqlValue> last;
  for (;;) {
    const SqlRows page = next_page(from, table, last);
    if (page.empty()) break;
    for (const SqlRow& row : page) to.run(insert, row.values());
    last = key_of(table, page.back());
  }
  std::int64_t largest = last.empty() || !table.numbered ? 0 : std::get<std::int64_t>(last[0]);
  if (table.name == "results")  // an index may still hold rows that were deleted
    largest = std::max(largest, from.run("SELECT COALESCE(MAX(result), 0) FROM tombstones")[0].integer(0));
  if (table.numbered && largest > 0) target.adopt_row_numbers(to, table.name, largest);
}

}  // namespace

void copy_tables(Database& from, Database& to) {
  from.read([&](SqlSession& source) {
    to.write([&](SqlSession& target) {
      refuse_used(target, to.location());
      for (const Table& table : tables()) copy_table(table, source, target, to);
    });
  });
}

}  // namespace chexworld
