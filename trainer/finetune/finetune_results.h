// SPDX-License-Identifier: Apache-2.0
//
// What the models of a run are worth, on films that none of them was trained or calibrated on.
#pragma once

#include "trainer/evaluation/evaluation.h"
#include "trainer/finetune/finetune_config.h"
#include "trainer/finetune/fold_scores.h"

#include <string>
#include <vector>

namespace chexworld {

/// One tested model: its calibrated labels and how good it is.
struct TestedModel {
  FoldScores scores;
  std::vector<BundleLabel> labels;
  Evaluation evaluation;  ///< of the test films
};

/// Columns of the films by which results are broken down.
using FilmColumns = std::vector<ScoredFilms::Column>;

/// Those of `names` that the table has, for all labelled films.
FilmColumns film_columns(const FilmTable& table, const LabelledFilms& labels, const std::vector<std::string>& names);

TestedModel tested_model(const LabelledFilms& labels, const FilmColumns& columns, const FoldScores& scores,
                         const FinetuneConfig& config);

/// Of the first seed's models: every film once, judged by the model that did not see it, under that model's
/// calibration. Thresholds are the models' means.
Evaluation pooled_evaluation(const LabelledFilms& labels, const FilmColumns& columns,
                             const std::vector<TestedModel>& models, const FinetuneConfig& config);

/// Mean over findings of the expected calibration error on all films of pooled_evaluation().
struct CalibrationError {
  double before = 0, after = 0;
};
CalibrationError calibration_error(const LabelledFilms& labels, const std::vector<TestedModel>& models);

/// Mean and deviation over models of a number of their evaluations (of classes, else of the findings' means).
struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread_of(const std::vector<TestedModel>& models, const std::string& number);

/// results.json, and in short form what a bundle carries.
Json results_json(const LabelledFilms& labels, const std::vector<TestedModel>& models, const Evaluation& pooled);

}  // namespace chexworld
