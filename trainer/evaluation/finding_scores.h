// SPDX-License-Identifier: Apache-2.0
//
// One finding's known labels and scores, ready to be measured again and again under the weights of a bootstrap.
#pragma once

#include "trainer/evaluation/evaluation.h"

#include <string>
#include <vector>

namespace chexworld {

/// Immutable: thread safe.
class FindingScores {
 public:
  /// Only `rows` of the films count, and of these only where the label is known.
  FindingScores(const ScoredFilms& films, std::size_t finding, const std::vector<std::size_t>& rows);

  /// Of what measure() gives, in its order.
  static std::vector<std::string> names();
  /// `weights` f64[n] over all films, or empty.
  std::vector<double> measure(int bins, Numbers weights) const;

  double threshold() const { return threshold_; }
  std::vector<RankedScores::Point> points() const { return ranked_.points(); }
  std::vector<ReliabilityBin> bins(int count) const { return reliability(probabilities_, labels_, count); }
  bool has_both_labels() const { return ranked_.positives() > 0 && ranked_.negatives() > 0; }

 private:
  std::vector<std::size_t> rows_;
  std::vector<double> probabilities_;
  std::vector<int> labels_;
  double threshold_;
  RankedScores ranked_;
};

/// The most probable class of each film against the true one, where findings exclude each other. Immutable.
class ClassScores {
 public:
  ClassScores(const ScoredFilms& films, std::vector<std::size_t> rows);

  static std::vector<std::string> names() { return {"accuracy", "balanced_accuracy", "calibration_error"}; }
  /// `weights` f64[n] over all films, or empty.
  std::vector<double> measure(int bins, Numbers weights) const;
  std::vector<double> confusion() const { return confusion_matrix(predicted_, truth_, classes_); }

 private:
  std::size_t classes_;
  std::vector<std::size_t> rows_;
  std::vector<int> predicted_, truth_, right_;
  std::vector<double> confidence_;
};

/// 0 .. n-1
std::vector<std::size_t> all_rows(const ScoredFilms& films);
/// Of every finding; all films, or some rows.
std::vector<FindingScores> finding_scores(const ScoredFilms& films);
std::vector<FindingScores> finding_scores(const ScoredFilms& films, const std::vector<std::size_t>& rows);

/// Each finding's numbers, one finding after the other, then their means over the findings that have both labels.
std::vector<double> measure_findings(const std::vector<FindingScores>& findings, int bins, Numbers weights);

void append(std::vector<double>& numbers, const std::vector<double>& more);

}  // namespace chexworld
