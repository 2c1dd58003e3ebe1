// SPDX-License-Identifier: Apache-2.0
#include "trainer/labels/folds.h"

#include "base/failure.h"
#include "views/random.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace chexworld {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

std::vector<std::string> fold_names(const std::vector<std::string>& texts) {
  std::set<std::string> different(texts.begin(), texts.end());
  different.erase("");
  std::vector<std::string> names(different.begin(), different.end());
  if (std::all_of(names.begin(), names.end(), is_number))
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); });
  return names;
}

/// Patients by the sides they are on; those on one side only are left out.
std::vector<std::string> patients_on_two(const LabelledFilms& labels, const std::vector<int>& sides,
                                         const std::vector<std::string>& names) {
  std::map<std::string, std::set<int>> seen;
  for (std::size_t row = 0; row < labels.size(); ++row)
    if (sides[row] >= 0) seen[labels.patients[row]].insert(sides[row]);
  std::vector<std::string> found;
  for (const auto& [patient, where] : seen) {
    if (where.size() < 2) continue;
    std::string text = patient + " in ";
    for (const int side : where) text += (side == *where.begin() ? "" : " and ") + names[std::size_t(side)];
    found.push_back(text);
  }
  return found;
}

void require_apart(const LabelledFilms& labels, const std::vector<int>& sides, const std::vector<std::string>& names,
                   const std::string& what) {
  const std::vector<std::string> offending = patients_on_two(labels, sides, names);
  if (offending.empty()) return;
  const std::set<std::string> all(labels.patients.begin(), labels.patients.end());
  fail(ErrorCode::kInvalidArgument, what + ": " + std::to_string(offending.size()) + " of " +
                                        std::to_string(all.size()) +
                                        " patients are on several sides, so that a test would know them from training "
                                        "(by their keys in the archive: " +
                                        listed(offending) + "); put every patient on one side, or let folds be drawn");
}

// ---- drawing ----

/// One patient's films, and how many of each kind of label they have.
struct Patient {
  std::vector<std::size_t> rows;
  std::vector<double> counts;  // by stratum
};

/// Strata: all films, then the positives and the negatives of every finding.
std::vector<double> strata_of(const LabelledFilms& labels, std::size_t row) {
  std::vector<double> counts{1};
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    counts.push_back(labels.at(row, k) == LabelValue::kPositive);
    counts.push_back(labels.at(row, k) == LabelValue::kNegative);
  }
  return counts;
}

void add_to(std::vector<double>& sum, const std::vector<double>& more) {
  sum.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i) sum[i] += more[i];
}

std::vector<Patient> patients_of(const LabelledFilms& labels) {
  std::map<std::string, std::size_t> numbers;
  std::vector<Patient> patients;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto [number, is_new] = numbers.try_emplace(labels.patients[row], patients.size());
    if (is_new) patients.emplace_back();
    patients[number->second].rows.push_back(row);
    add_to(patients[number->second].counts, strata_of(labels, row));
  }
  return patients;
}

/// Those whose films weigh most in a rare stratum come first: they are hardest to place.
std::vector<std::size_t> order_of(const std::vector<Patient>& patients, const std::vector<double>& totals,
                                  std::uint64_t seed) {
  StreamRandom random({seed, 0, 0, RandomPurpose::kOther});
  std::vector<std::size_t> order;
  for (const std::int64_t i : random_permutation(random, std::int64_t(patients.size())))
    order.push_back(std::size_t(i));
  const auto weight = [&](std::size_t i) {
    double most = 0;
    for (std::size_t s = 0; s < totals.size(); ++s)
      if (totals[s] > 0) most = std::max(most, patients[i].counts[s] / totals[s]);
    return most;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weight(a) > weight(b); });
  return order;
}

/// By how much the spread of all strata over the folds grows when `counts` join a fold that has `there`.
double cost(const std::vector<double>& there, const std::vector<double>& counts, const std::vector<double>& totals) {
  double sum = 0;
  for (std::size_t s = 0; s < totals.size(); ++s)
    if (totals[s] > 0) sum += counts[s] * (2 * there[s] + counts[s]) / (totals[s] * totals[s]);
  return sum;
}

std::string side_name(const LabelledFilms& labels, const std::vector<std::size_t>& rows) {
  std::vector<std::string> one_sided;
  const LabelledFilms part = labels.subset(rows);
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    const LabelCounts counts = count_labels(part, k);
    if (counts.positive == 0 || counts.negative == 0)
      one_sided.push_back("'" + labels.findings[k] + "' " + std::to_string(counts.positive) + " positive, " +
                          std::to_string(counts.negative) + " negative");
  }
  return listed(one_sided);
}

}  // namespace

int Folds::number_of(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    fail(ErrorCode::kInvalidArgument, "there is no fold '" + name + "', only " + listed(names, 20));
  return int(found - names.begin());
}

std::vector<std::size_t> Folds::inside(int fold) const {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < of.size(); ++row)
    if (of[row] == fold) rows.push_back(row);
  return rows;
}

std::vector<std::size_t> Folds::outside(int fold) const {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < of.size(); ++row)
    if (of[row] >= 0 && of[row] != fold) rows.push_back(row);
  return rows;
}

Folds given_folds(const FilmTable& table, const LabelledFilms& labels, const std::string& column) {
  table.require_agreement({column});
  std::vector<std::string> texts;
  for (const std::int64_t film : labels.films) texts.push_back(table.value(film, column));
  Folds folds{fold_names(texts), {}};
  for (const std::string& text : texts) folds.of.push_back(text.empty() ? -1 : folds.number_of(text));
  if (folds.count() < 2)
    fail(ErrorCode::kInvalidArgument,
         "column '" + column + "' has " + (folds.names.empty() ? "no fold" : "only the fold '" + folds.names[0] + "'") +
             " for the " + std::to_string(labels.size()) + " labelled films: two are needed");
  require_apart(labels, folds.of, folds.names, "column '" + column + "'");
  return folds;
}

Folds draw_folds(const LabelledFilms& labels, int count, std::uint64_t seed) {
  const std::vector<Patient> patients = patients_of(labels);
  if (count < 2 || patients.size() < std::size_t(count))
    fail(ErrorCode::kInvalidArgument, std::to_string(count) + " folds cannot be drawn from " +
                                          std::to_string(patients.size()) +
                                          " patients: at least two folds, and a patient "
                                          "for each");
  std::vector<double> totals;
  for (const Patient& patient : patients) add_to(totals, patient.counts);
  std::vector<std::vector<double>> there(std::size_t(count), std::vector<double>(totals.size()));
  Folds folds{{}, std::vector<int>(labels.size(), -1)};
  for (int fold = 0; fold < count; ++fold) folds.names.push_back(std::to_string(fold));
  for (const std::size_t i : order_of(patients, totals, seed)) {
    std::size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t fold = 0; fold < there.size(); ++fold) {
      const double here = cost(there[fold], patients[i].counts, totals);
      if (here < least - 1e-12) least = here, best = fold;
    }
    add_to(there[best], patients[i].counts);
    for (const std::size_t row : patients[i].rows) folds.of[row] = int(best);
  }
  return folds;
}

void require_usable_folds(const LabelledFilms& labels, const Folds& folds) {
  std::vector<std::string> problems;
  for (int fold = 0; fold < int(folds.count()); ++fold) {
    const std::string name = "fold '" + folds.names[std::size_t(fold)] + "'";
    const std::vector<std::size_t> inside = folds.inside(fold), outside = folds.outside(fold);
    if (inside.empty()) {
      problems.push_back(name + " is empty");
      continue;
    }
    if (const std::string text = side_name(labels, inside); !text.empty()) problems.push_back(name + " has of " + text);
    if (const std::string text = side_name(labels, outside); !text.empty())
      problems.push_back("the films outside " + name + " have of " + text);
  }
  if (!problems.empty())
    fail(
        ErrorCode::kInvalidArgument,
        "every fold and the rest of the films must have positives and negatives of every finding: " + listed(problems));
}

Split split_with(const LabelledFilms& labels, const Folds& folds, int test, int validation, int parts,
                 std::uint64_t seed) {
  Split split;
  split.test = folds.inside(test);
  std::vector<std::size_t> rest = folds.outside(test);
  if (validation < 0) {
    const Folds drawn = draw_folds(labels.subset(rest), parts, seed);
    for (std::size_t i = 0; i < rest.size(); ++i)
      (drawn.of[i] == 0 ? split.validation : split.train).push_back(rest[i]);
  } else {
    for (const std::size_t row : rest) (folds.of[row] == validation ? split.validation : split.train).push_back(row);
  }
  require_no_leakage(labels, split);
  return split;
}

void require_no_leakage(const LabelledFilms& labels, const Split& split) {
  std::vector<int> sides(labels.size(), -1);
  const std::vector<const std::vector<std::size_t>*> all{&split.train, &split.validation, &split.test};
  for (std::size_t side = 0; side < all.size(); ++side)
    for (const std::size_t row : *all[side]) {
      if (sides[row] >= 0 && sides[row] != int(side))
        fail(ErrorCode::kInvalidArgument, "film " + std::to_string(labels.films[row]) + " is on two sides of a split");
      sides[row] = int(side);
    }
  require_apart(labels, sides, {"training", "validation", "test"}, "the split");
}

}  // namespace chexworld
