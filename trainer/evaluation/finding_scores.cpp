// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/finding_scores.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace chexworld {
namespace {

std::vector<std::size_t> known_rows(const LabelledFilms& labels, std::size_t finding,
                                    const std::vector<std::size_t>& rows) {
  std::vector<std::size_t> known;
  for (const std::size_t row : rows) {
    const LabelValue value = labels.at(row, finding);
    if (value == LabelValue::kPositive || value == LabelValue::kNegative) known.push_back(row);
  }
  return known;
}

std::vector<double> scores_of(const ScoredFilms& films, std::size_t finding, const std::vector<std::size_t>& rows) {
  std::vector<double> scores;
  for (const std::size_t row : rows)
    scores.push_back(films.probabilities[row * films.labels.findings.size() + finding]);
  return scores;
}

std::vector<int> labels_of(const LabelledFilms& labels, std::size_t finding, const std::vector<std::size_t>& rows) {
  std::vector<int> known;
  for (const std::size_t row : rows) known.push_back(labels.at(row, finding) == LabelValue::kPositive);
  return known;
}

std::vector<double> weights_of(Numbers weights, const std::vector<std::size_t>& rows) {
  std::vector<double> own;
  if (!weights.empty())
    for (const std::size_t row : rows) own.push_back(weights[row]);
  return own;
}

}  // namespace

FindingScores::FindingScores(const ScoredFilms& films, std::size_t finding, const std::vector<std::size_t>& rows)
    : rows_(known_rows(films.labels, finding, rows)),
      probabilities_(scores_of(films, finding, rows_)),
      labels_(labels_of(films.labels, finding, rows_)),
      threshold_(films.thresholds[finding]),
      ranked_(probabilities_, labels_) {}

std::vector<std::string> FindingScores::names() {
  return {
      "auroc",    "average_precision", "sensitivity", "specificity", "precision",        "negative_predictive_value",
      "accuracy", "balanced_accuracy", "f1",          "brier",       "calibration_error"};
}

std::vector<double> FindingScores::measure(int bins, Numbers weights) const {
  const std::vector<double> own = weights_of(weights, rows_);
  if (rows_.empty()) return std::vector<double>(names().size(), std::numeric_limits<double>::quiet_NaN());
  const Confusion sides = confusion_at(probabilities_, labels_, threshold_, own);
  return {ranked_.auroc(own),
          ranked_.average_precision(own),
          sides.sensitivity(),
          sides.specificity(),
          sides.precision(),
          sides.negative_predictive_value(),
          sides.accuracy(),
          sides.balanced_accuracy(),
          sides.f1(),
          brier_score(probabilities_, labels_, own),
          expected_calibration_error(reliability(probabilities_, labels_, bins, own))};
}

std::vector<FindingScores> finding_scores(const ScoredFilms& films, const std::vector<std::size_t>& rows) {
  std::vector<FindingScores> findings;
  for (std::size_t k = 0; k < films.labels.findings.size(); ++k) findings.emplace_back(films, k, rows);
  return findings;
}

ClassScores::ClassScores(const ScoredFilms& films, std::vector<std::size_t> rows)
    : classes_(films.labels.findings.size()), rows_(std::move(rows)) {
  for (const std::size_t row : rows_) {
    const Numbers probabilities = Numbers(films.probabilities).subspan(row * classes_, classes_);
    predicted_.push_back(predicted_classes(probabilities, classes_)[0]);
    truth_.push_back(int(films.labels.class_of(row)));
    confidence_.push_back(probabilities[std::size_t(predicted_.back())]);
    right_.push_back(predicted_.back() == truth_.back());
  }
}

std::vector<double> ClassScores::measure(int bins, Numbers weights) const {
  const std::vector<double> own = weights_of(weights, rows_);
  return {accuracy(predicted_, truth_, own), balanced_accuracy(predicted_, truth_, classes_, own),
          expected_calibration_error(reliability(confidence_, right_, bins, own))};
}

std::vector<std::size_t> all_rows(const ScoredFilms& films) {
  std::vector<std::size_t> rows(films.labels.size());
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<FindingScores> finding_scores(const ScoredFilms& films) { return finding_scores(films, all_rows(films)); }

std::vector<double> measure_findings(const std::vector<FindingScores>& findings, int bins, Numbers weights) {
  const std::size_t count = FindingScores::names().size();
  std::vector<double> numbers, sums(count), found(count);
  for (const FindingScores& finding : findings) {
    const std::vector<double> one = finding.measure(bins, weights);
    append(numbers, one);
    if (!finding.has_both_labels()) continue;
    for (std::size_t i = 0; i < count; ++i) {
      if (std::isnan(one[i])) continue;
      sums[i] += one[i];
      found[i] += 1;
    }
  }
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(sums[i] / found[i]);
  return numbers;
}

void append(std::vector<double>& numbers, const std::vector<double>& more) {
  numbers.insert(numbers.end(), more.begin(), more.end());
}

}  // namespace chexworld
