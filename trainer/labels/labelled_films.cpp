// SPDX-License-Identifier: Apache-2.0
#include "trainer/labels/labelled_films.h"

#include "base/failure.h"

#include <algorithm>
#include <map>
#include <set>

namespace chexworld {
namespace {

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void add_row(LabelledFilms& labels, const FilmTable& table, std::int64_t film) {
  labels.films.push_back(film);
  labels.patients.push_back(table.patient(film));
}

// ---- classes ----

std::vector<std::string> class_names_of(const FilmTable& table, const std::vector<std::int64_t>& films,
                                        const std::string& column) {
  std::set<std::string> names;
  for (const std::int64_t film : films) names.insert(table.value(film, column));
  names.erase("");
  if (names.size() == 2)
    fail(ErrorCode::kInvalidArgument, "column '" + column + "' has two classes, " + *names.begin() + " and " +
                                          *names.rbegin() + ": name them, the one to be found last (" + column + "=" +
                                          *names.begin() + "," + *names.rbegin() + ")");
  return {names.begin(), names.end()};
}

void require_class_names(const std::vector<std::string>& names, const std::string& column) {
  const std::set<std::string> different(names.begin(), names.end());
  if (names.size() < 2)
    fail(ErrorCode::kInvalidArgument, "column '" + column + "' has " +
                                          (names.empty() ? "no class" : "only the class '" + names[0] + "'") +
                                          ": two are needed to tell anything apart");
  if (different.size() != names.size() || different.contains(""))
    fail(ErrorCode::kInvalidArgument, "the classes of column '" + column + "' must have different names");
}

void require_every_class(const std::vector<std::string>& names, const std::vector<std::size_t>& counts,
                         const std::string& column, std::size_t films) {
  std::vector<std::string> without;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (counts[i] == 0) without.push_back("'" + names[i] + "'");
  if (!without.empty())
    fail(ErrorCode::kInvalidArgument, "none of " + std::to_string(films) + " films has the class " + listed(without) +
                                          " in column '" + column + "'");
}

LabelledFilms read_classes(const FilmTable& table, const std::vector<std::int64_t>& films,
                           const LabelColumns& columns) {
  table.require_agreement({columns.classes});
  const std::vector<std::string> names =
      columns.class_names.empty() ? class_names_of(table, films, columns.classes) : columns.class_names;
  require_class_names(names, columns.classes);
  const bool binary = names.size() == 2;
  LabelledFilms labels;
  labels.findings = binary ? std::vector{names[1]} : names;
  labels.exclusive = !binary;
  std::vector<std::size_t> counts(names.size());
  for (const std::int64_t film : films) {
    const auto found = std::find(names.begin(), names.end(), table.value(film, columns.classes));
    if (found == names.end()) continue;
    const auto number = std::size_t(found - names.begin());
    ++counts[number];
    add_row(labels, table, film);
    for (std::size_t k = binary ? 1 : 0; k < names.size(); ++k)
      labels.values.push_back(k == number ? LabelValue::kPositive : LabelValue::kNegative);
  }
  require_every_class(names, counts, columns.classes, films.size());
  return labels;
}

// ---- findings ----

/// Which columns hold labels, where nobody said: all of a table that was joined.
std::vector<std::string> finding_columns(const FilmTable& table, const LabelColumns& columns) {
  std::vector<std::string> findings = columns.findings.empty() ? table.own_columns() : columns.findings;
  if (findings.empty())
    fail(ErrorCode::kInvalidArgument, "nobody said which columns of the archive are labels: name classes or findings");
  return findings;
}

/// What could not be read, by column: where, and how often.
class Unreadable {
 public:
  void add(const std::string& column, const std::string& place) { places_[column].push_back(place); }

  void require_none() const {
    if (places_.empty()) return;
    std::string text;
    for (const auto& [column, places] : places_)
      text += (text.empty() ? "" : "; ") + std::string("column '") + column + "' has " + std::to_string(places.size()) +
              " texts that are no labels (" + listed(places, 4) + ")";
    fail(ErrorCode::kInvalidArgument, text +
                                          ". Labels are 1, 0, -1 (uncertain), empty, or words such as positive and "
                                          "absent; class names are read with one column of classes");
  }

 private:
  std::map<std::string, std::vector<std::string>> places_;
};

LabelledFilms read_findings(const FilmTable& table, const std::vector<std::int64_t>& films,
                            const LabelColumns& columns) {
  LabelledFilms labels;
  labels.findings = finding_columns(table, columns);
  table.require_agreement(labels.findings);
  Unreadable unreadable;
  for (const std::int64_t film : films) {
    std::vector<LabelValue> row;
    for (const std::string& finding : labels.findings) {
      const std::optional<LabelValue> value = label_value_from(table.value(film, finding));
      if (!value) unreadable.add(finding, table.place(film));
      row.push_back(value.value_or(LabelValue::kMissing));
    }
    if (std::all_of(row.begin(), row.end(), [](LabelValue v) { return v == LabelValue::kMissing; })) continue;
    add_row(labels, table, film);
    labels.values.insert(labels.values.end(), row.begin(), row.end());
  }
  unreadable.require_none();
  return labels;
}

}  // namespace

std::size_t LabelledFilms::class_of(std::size_t row) const {
  const auto begin = values.begin() + std::ptrdiff_t(row * findings.size());
  return std::size_t(std::find(begin, begin + std::ptrdiff_t(findings.size()), LabelValue::kPositive) - begin);
}

LabelledFilms LabelledFilms::subset(const std::vector<std::size_t>& rows) const {
  LabelledFilms part;
  part.findings = findings;
  part.exclusive = exclusive;
  for (const std::size_t row : rows) {
    part.films.push_back(films[row]);
    part.patients.push_back(patients[row]);
    for (std::size_t k = 0; k < findings.size(); ++k) part.values.push_back(at(row, k));
  }
  return part;
}

LabelCounts count_labels(const LabelledFilms& labels, std::size_t finding) {
  LabelCounts counts;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    switch (labels.at(row, finding)) {
      case LabelValue::kPositive: ++counts.positive; break;
      case LabelValue::kNegative: ++counts.negative; break;
      case LabelValue::kUncertain: ++counts.uncertain; break;
      case LabelValue::kMissing: ++counts.missing; break;
    }
  }
  return counts;
}

LabelColumns class_columns_from(const std::string& text) {
  const std::size_t sign = text.find('=');
  LabelColumns columns{.classes = text.substr(0, sign)};
  if (columns.classes.empty())
    fail(ErrorCode::kInvalidArgument, "classes are given as COLUMN or COLUMN=NAME,NAME,...; not '" + text + "'");
  if (sign != std::string::npos) columns.class_names = split_at_commas(text.substr(sign + 1));
  return columns;
}

LabelledFilms read_labels(const FilmTable& table, const std::vector<std::int64_t>& films, const LabelColumns& columns) {
  if (!columns.classes.empty() && !columns.findings.empty())
    fail(ErrorCode::kInvalidArgument, "labels are either classes or findings, not both");
  LabelledFilms labels =
      columns.classes.empty() ? read_findings(table, films, columns) : read_classes(table, films, columns);
  if (labels.size() == 0)
    fail(ErrorCode::kInvalidArgument, "none of " + std::to_string(films.size()) + " films has a label");
  return labels;
}

void require_both_values(const LabelledFilms& labels) {
  std::vector<std::string> one_sided;
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    const LabelCounts counts = count_labels(labels, k);
    if (counts.positive > 0 && counts.negative > 0) continue;
    one_sided.push_back("'" + labels.findings[k] + "' (" + std::to_string(counts.positive) + " positive, " +
                        std::to_string(counts.negative) + " negative)");
  }
  if (!one_sided.empty())
    fail(ErrorCode::kInvalidArgument,
         "nothing can be learnt or measured where positive and negative films are not both "
         "known: " +
             listed(one_sided));
}

TrainingTargets training_targets(const LabelledFilms& labels, const UncertainPolicy& policy) {
  TrainingTargets made;
  for (const LabelValue value : labels.values) {
    const bool soft = value == LabelValue::kUncertain && policy.target.has_value();
    const bool known = value == LabelValue::kPositive || value == LabelValue::kNegative;
    made.targets.push_back(soft ? float(*policy.target) : value == LabelValue::kPositive ? 1.0F : 0.0F);
    made.weights.push_back(known || soft ? 1.0F : 0.0F);
  }
  return made;
}

std::vector<float> positive_weights(const LabelledFilms& labels) {
  std::vector<float> weights;
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    const LabelCounts counts = count_labels(labels, k);
    const bool both = counts.positive > 0 && counts.negative > 0;
    weights.push_back(both ? float(counts.negative) / float(counts.positive) : 1.0F);
  }
  return weights;
}

}  // namespace chexworld
