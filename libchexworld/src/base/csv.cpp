// SPDX-License-Identifier: Apache-2.0
#include "base/csv.h"

#include "base/failure.h"
#include "base/file.h"

#include <algorithm>
#include <set>

namespace chexworld {
namespace {

/// Walks the text once, record by record.
class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  bool at_end() const { return at_ >= text_.size(); }
  std::size_t record_line() const { return record_line_; }

  std::vector<std::string> record() {
    record_line_ = line_;
    std::vector<std::string> fields;
    do {
      fields.push_back(next_is('"') ? quoted() : plain());
    } while (take(','));
    take('\r');
    if (!at_end() && !take('\n')) complain("text after a closing quote");
    ++line_;
    return fields;
  }

  [[noreturn]] void complain(const std::string& what) const {
    fail(ErrorCode::kMalformed, origin_ + ", line " + std::to_string(record_line_) + ": " + what);
  }

 private:
  bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  std::string plain() {
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string field(text_.substr(at_, end - at_));
    at_ = end;
    return field;
  }

  std::string quoted() {
    std::string field;
    for (++at_;; ++at_) {
      if (at_end()) complain("a quote that never ends");
      if (text_[at_] == '"' && !(at_ + 1 < text_.size() && text_[at_ + 1] == '"')) break;
      at_ += text_[at_] == '"';
      line_ += text_[at_] == '\n';
      field += text_[at_];
    }
    ++at_;
    return field;
  }

  std::string_view text_;
  const std::string& origin_;
  std::size_t at_ = 0;
  std::size_t line_ = 1, record_line_ = 1;
};

bool is_blank(const std::vector<std::string>& fields) { return fields.size() == 1 && fields[0].empty(); }

}  // namespace

std::size_t CsvTable::column(const std::string& name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found != columns.end()) return std::size_t(found - columns.begin());
  std::string there;
  for (const std::string& column : columns) there += (there.empty() ? "" : ", ") + column;
  fail(ErrorCode::kInvalidArgument, "the table has no column '" + name + "', only " + there);
}

CsvTable parse_csv(std::string_view text, const std::string& origin) {
  CsvParser parser(text, origin);
  CsvTable table;
  while (!parser.at_end()) {
    std::vector<std::string> fields = parser.record();
    if (is_blank(fields)) continue;
    if (table.columns.empty()) {
      table.columns = std::move(fields);
      if (std::set<std::string>(table.columns.begin(), table.columns.end()).size() != table.columns.size())
        parser.complain("a column is named twice");
      continue;
    }
    if (fields.size() != table.columns.size())
      parser.complain(std::to_string(fields.size()) + " fields where the header has " +
                      std::to_string(table.columns.size()));
    table.rows.push_back(std::move(fields));
    table.lines.push_back(parser.record_line());
  }
  if (table.columns.empty()) fail(ErrorCode::kMalformed, origin + " has no header line");
  return table;
}

CsvTable read_csv_file(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace chexworld
