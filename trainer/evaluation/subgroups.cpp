// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/subgroups.h"

#include "trainer/evaluation/finding_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace chexworld {
namespace {

constexpr const char* kUnknown = "not known";
constexpr const char* kOthers = "others";

/// Of all numbers, those that are shown by group.
const std::vector<std::string>& shown_names() {
  static const std::vector<std::string> kNames{"auroc", "sensitivity", "specificity", "calibration_error"};
  return kNames;
}

struct Group {
  std::string value;
  std::vector<std::size_t> rows;
  std::vector<FindingScores> findings{};
};

std::string group_name(const ScoredFilms::Column& column, const std::string& value) {
  if (value.empty()) return kUnknown;
  return column.name == "age" ? age_band(value) : value;
}

/// Largest first, what is too small together, last.
std::vector<Group> groups_of(const ScoredFilms& films, const ScoredFilms::Column& column, std::size_t least_films) {
  std::map<std::string, std::vector<std::size_t>> rows;
  for (std::size_t row = 0; row < column.values.size(); ++row)
    rows[group_name(column, column.values[row])].push_back(row);
  std::vector<Group> groups;
  Group others{kOthers, {}};
  for (auto& [value, members] : rows) {
    if (members.size() >= least_films) {
      groups.push_back({value, std::move(members)});
    } else {
      others.rows.insert(others.rows.end(), members.begin(), members.end());
    }
  }
  if (column.name != "age")
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return a.rows.size() > b.rows.size(); });
  std::sort(others.rows.begin(), others.rows.end());
  if (!others.rows.empty()) groups.push_back(std::move(others));
  for (Group& group : groups) group.findings = finding_scores(films, group.rows);
  return groups;
}

/// The shown means of one group.
std::vector<double> measure_group(const Group& group, int bins, Numbers weights) {
  const std::vector<std::string> names = FindingScores::names();
  const std::vector<double> all = measure_findings(group.findings, bins, weights);
  const std::size_t means = all.size() - names.size();
  std::vector<double> shown;
  for (const std::string& name : shown_names())
    shown.push_back(all[means + std::size_t(std::find(names.begin(), names.end(), name) - names.begin())]);
  return shown;
}

/// Largest less smallest of every number over groups that have it; NaN with fewer than two.
std::vector<double> gaps_of(const std::vector<double>& numbers, std::size_t count) {
  std::vector<double> gaps;
  for (std::size_t i = 0; i < count; ++i) {
    double least = INFINITY, most = -INFINITY;
    int found = 0;
    for (std::size_t at = i; at < numbers.size(); at += count) {
      if (std::isnan(numbers[at])) continue;
      least = std::min(least, numbers[at]);
      most = std::max(most, numbers[at]);
      ++found;
    }
    gaps.push_back(found < 2 ? std::numeric_limits<double>::quiet_NaN() : most - least);
  }
  return gaps;
}

std::size_t positives_of(const LabelledFilms& labels, const std::vector<std::size_t>& rows) {
  std::size_t count = 0;
  for (const std::size_t row : rows)
    for (std::size_t k = 0; k < labels.findings.size(); ++k) count += labels.at(row, k) == LabelValue::kPositive;
  return count;
}

std::vector<NamedEstimate> shown(const std::vector<Estimate>& found, std::size_t first) {
  std::vector<NamedEstimate> numbers;
  for (std::size_t i = 0; i < shown_names().size(); ++i) numbers.push_back({shown_names()[i], found[first + i]});
  return numbers;
}

}  // namespace

SubgroupTable evaluate_subgroups(const ScoredFilms& films, const ScoredFilms::Column& column,
                                 const Bootstrap& bootstrap, const EvaluationOptions& options) {
  const std::vector<Group> groups = groups_of(films, column, options.least_films);
  const std::size_t count = shown_names().size();
  const std::vector<Estimate> found = estimates(bootstrap, [&](Numbers weights) {
    std::vector<double> numbers, compared;
    for (const Group& group : groups) {
      append(numbers, measure_group(group, options.bins, weights));
      if (group.value != kOthers && group.value != kUnknown)
        compared.insert(compared.end(), numbers.end() - std::ptrdiff_t(count), numbers.end());
    }
    append(numbers, gaps_of(compared, count));
    return numbers;
  });
  SubgroupTable table{column.name, {}, {}};
  for (std::size_t i = 0; i < groups.size(); ++i)
    table.groups.push_back(
        {groups[i].value, groups[i].rows.size(), positives_of(films.labels, groups[i].rows), shown(found, i * count)});
  table.gaps = shown(found, groups.size() * count);
  return table;
}

std::string age_band(const std::string& age) {
  char* end = nullptr;
  const double years = std::strtod(age.c_str(), &end);
  if (age.empty() || *end != '\0' || !(years >= 0)) return age;
  if (years < 18) return "0-17";
  if (years < 40) return "18-39";
  if (years < 60) return "40-59";
  return years < 80 ? "60-79" : "80+";
}

}  // namespace chexworld
