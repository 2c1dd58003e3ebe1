// SPDX-License-Identifier: Apache-2.0
//
// What one trained model says about films that it was not trained on, kept so that an interrupted cross-validation goes
// on where it was.
#pragma once

#include "trainer/evaluation/calibration.h"
#include "trainer/labels/folds.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

/// Scores of some rows of the labels.
struct RowScores {
  std::vector<std::size_t> rows;
  std::vector<double> logits;  ///< f64[rows,K]
};

/// One model of a cross-validation, or the only one. Plain value.
struct FoldScores {
  std::string name;  ///< "fold-0", "fold-0-seed-1", "split", "final"
  std::string fold;  ///< "0"; empty where there is none
  std::uint64_t seed = 0;
  std::int64_t best_epoch = 0;
  double seconds = 0;    ///< of training
  RowScores validation;  ///< chose the epoch, calibrates
  RowScores test;        ///< judges; empty for the model on all folds
};

/// f64[n,K] of these rows' labels, by finding: only those known.
struct KnownScores {
  std::vector<double> logits;
  std::vector<int> labels;
};
KnownScores known_scores(const LabelledFilms& labels, const RowScores& scores, std::size_t finding);

/// Calibration and thresholds of every finding, from the validation films. A finding of which validation knows only
/// positives or negatives stays uncalibrated, with threshold 0.5.
std::vector<BundleLabel> calibrated_labels(const LabelledFilms& labels, const RowScores& validation,
                                           CalibrationMethod method, const ThresholdRule& rule);

/// f64[rows,K]
std::vector<double> probabilities_of(const RowScores& scores, const std::vector<BundleLabel>& labels, bool exclusive);

/// scores.json of one model. `fingerprint` names settings and films; reading gives nothing where it is another one, or
/// where there is no file.
void write_scores(const std::filesystem::path& path, const FoldScores& scores, const std::string& fingerprint);
std::optional<FoldScores> read_scores(const std::filesystem::path& path, const std::string& fingerprint);

}  // namespace chexworld
