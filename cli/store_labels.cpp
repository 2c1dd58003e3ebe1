// SPDX-License-Identifier: Apache-2.0
//
// `chexworld store label`: a table of labels into a store.
#include "cli/store_labels.h"

#include "base/config.h"
#include "base/csv.h"
#include "base/failure.h"
#include "cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <span>

namespace chexworld::cli {
namespace {

constexpr std::size_t kAtOnce = 500;  // labellings in a transaction: followers and workers get their turn between

std::optional<std::size_t> place_of(const CsvTable& table, const std::string& column) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), column);
  if (found == table.columns.end()) return std::nullopt;
  return std::size_t(found - table.columns.begin());
}

struct UidColumn {
  LabelLevel level;
  std::size_t place;
};

UidColumn uid_column(const CsvTable& table) {
  const auto instance = place_of(table, "sop_instance_uid"), study = place_of(table, "study_instance_uid");
  if (instance.has_value() == study.has_value())
    fail(ErrorCode::kInvalidArgument,
         "the table must have a column 'sop_instance_uid' or a column 'study_instance_uid', one of them");
  return instance ? UidColumn{LabelLevel::kInstance, *instance} : UidColumn{LabelLevel::kStudy, *study};
}

struct Columns {
  UidColumn uid;
  std::optional<std::size_t> name, value, source;
  bool one_label_a_line() const { return name && value; }
};

Columns columns_of(const CsvTable& table) {
  const Columns columns{uid_column(table), place_of(table, "name"), place_of(table, "value"),
                        place_of(table, "source")};
  if (columns.name.has_value() != columns.value.has_value())
    fail(ErrorCode::kInvalidArgument, "the table has one of the columns 'name' and 'value': it needs both or neither");
  return columns;
}

std::vector<Label> labels_in(const std::vector<std::string>& row, const CsvTable& table, const Columns& columns,
                             const std::string& source) {
  const std::string from = columns.source ? row[*columns.source] : source;
  if (columns.one_label_a_line()) return {{row[*columns.name], row[*columns.value], from}};
  std::vector<Label> labels;
  for (std::size_t i = 0; i < row.size(); ++i)
    if (i != columns.uid.place && i != columns.source && !row[i].empty())
      labels.push_back({table.columns[i], row[i], from});
  return labels;
}

/// As a label's source: what is too long for one is cut.
std::string name_of(const std::filesystem::path& table) { return table.filename().string().substr(0, 64); }

void report(const LabelReport& total, std::size_t given, bool as_json) {
  if (as_json) {
    std::printf("%s\n",
                Json{{"given", given}, {"changed", total.changed}, {"unknown", total.unknown.size()}}.dump(2).c_str());
    return;
  }
  std::printf(
      "%zu lines with labels: %llu changed something, %zu are about images or studies that the store does not "
      "know\n",
      given, static_cast<unsigned long long>(total.changed), total.unknown.size());
}

}  // namespace

std::vector<Labelling> labellings_from(const CsvTable& table, const std::string& source) {
  const Columns columns = columns_of(table);
  std::vector<Labelling> labellings;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::vector<std::string>& row = table.rows[i];
    if (row[columns.uid.place].empty())
      fail(ErrorCode::kMalformed, "line " + std::to_string(table.lines[i]) + " of the table names no image or study");
    Labelling labelling{{columns.uid.level, row[columns.uid.place]}, labels_in(row, table, columns, source), false};
    if (!labelling.labels.empty()) labellings.push_back(std::move(labelling));
  }
  return labellings;
}

void import_labels(Store& store, const std::filesystem::path& table, const std::string& source, bool as_json) {
  const std::vector<Labelling> labellings =
      labellings_from(read_csv_file(table), source.empty() ? name_of(table) : source);
  LabelReport total;
  ProgressLine progress("lines");
  catch_interrupts();
  std::size_t begin = 0;
  for (; begin < labellings.size() && !interrupted(); begin += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, labellings.size() - begin);
    const LabelReport some = store.label(std::span(labellings).subspan(begin, count));
    total.changed += some.changed;
    for (const std::size_t place : some.unknown) total.unknown.push_back(begin + place);
    if (labellings.size() > kAtOnce) progress.show(std::int64_t(begin + count), std::int64_t(labellings.size()));
  }
  progress.finish();
  if (begin < labellings.size())
    fail(ErrorCode::kCancelled, "interrupted; what was imported is kept, the same command imports the rest");
  report(total, labellings.size(), as_json);
}

}  // namespace chexworld::cli
