// SPDX-License-Identifier: Apache-2.0
//
// What a set of scored and labelled films says about a model: numbers with intervals, curves, subgroups.
#pragma once

#include "base/config.h"
#include "trainer/evaluation/bootstrap.h"
#include "trainer/labels/labelled_films.h"

#include <string>
#include <vector>

namespace chexworld {

/// Films that a model was not trained on, with its answers. Plain value.
struct ScoredFilms {
  LabelledFilms labels;               ///< n films, K findings; only known labels count
  std::vector<double> probabilities;  ///< f64[n,K], as they are used: after calibration
  std::vector<double> thresholds;     ///< f64[K], from which probability on a finding counts as present

  /// A text per film, by which films are told apart in subgroups.
  struct Column {
    std::string name;
    std::vector<std::string> values;  ///< n; empty: not known
  };
  std::vector<Column> columns;
};

struct EvaluationOptions {
  int bootstrap_samples = 500;
  std::uint64_t seed = 0;
  int bins = 10;                 ///< of reliability
  std::size_t least_films = 20;  ///< smaller subgroups are put together as "others"
};

/// A number by its name: auroc, average_precision, sensitivity, specificity, precision, negative_predictive_value,
/// accuracy, balanced_accuracy, f1, brier, calibration_error.
struct NamedEstimate {
  std::string name;
  Estimate estimate;
};

struct FindingEvaluation {
  std::string name;
  LabelCounts counts;
  double threshold = 0.5;
  std::vector<NamedEstimate> numbers;
  std::vector<RankedScores::Point> points;  ///< both curves are drawn through them
  std::vector<ReliabilityBin> bins;
};

/// One value of one column.
struct Subgroup {
  std::string value;
  std::size_t films = 0;
  std::size_t positives = 0;           ///< of all findings together
  std::vector<NamedEstimate> numbers;  ///< means over findings: auroc, sensitivity, specificity, calibration_error
};

struct SubgroupTable {
  std::string column;
  std::vector<Subgroup> groups;     ///< largest first; ages by band
  std::vector<NamedEstimate> gaps;  ///< largest difference between two groups
};

struct Evaluation {
  std::size_t films = 0, patients = 0;
  std::vector<FindingEvaluation> findings;
  std::vector<NamedEstimate> means;    ///< of the findings' numbers (macro; for classes one against the rest)
  std::vector<NamedEstimate> classes;  ///< accuracy, balanced_accuracy, calibration_error of the most probable class;
                                       ///< empty unless findings exclude each other
  std::vector<double> confusion;       ///< f64[K,K] true by predicted; empty unless they do
  std::vector<SubgroupTable> subgroups;
};

/// Throws Failure(kInvalidArgument) where arrays do not fit. Findings of which only positives or negatives are known
/// have numbers that are NaN and are left out of means.
Evaluation evaluate(const ScoredFilms& films, const EvaluationOptions& options = {});

/// Everything but the curves' points; numbers that do not exist are null.
Json to_json(const Evaluation& evaluation);
Json to_json(const Estimate& estimate);

/// The estimate of this name; throws Failure(kInternal) if there is none.
Estimate estimate_of(const std::vector<NamedEstimate>& numbers, const std::string& name);

/// "0.874 (0.851 to 0.895)"; "-" where it does not exist.
std::string text_of(const Estimate& estimate);

/// "40-59" for "47"; texts that are no numbers stay as they are.
std::string age_band(const std::string& age);

}  // namespace chexworld
