// SPDX-License-Identifier: Apache-2.0
//
// Linear probe and nearest neighbours on frozen features, cross-validated. Whatever is fitted or chosen (scaling,
// weights, C, calibration, thresholds) comes from the training folds of the film that is judged.
//
// Pure functions, deterministic.
#pragma once

#include "trainer/evaluation/calibration.h"
#include "trainer/evaluation/evaluation.h"
#include "trainer/labels/folds.h"
#include "trainer/probe/logistic_regression.h"

#include <functional>
#include <string>
#include <vector>

namespace chexworld {

struct ProbeOptions {
  std::vector<double> c{0.01};  ///< one: fixed; several: that of the best log loss over inner folds is taken
  bool balanced = true;         ///< positives and negatives (or all classes) weigh the same
  int neighbours = 5;
  UncertainPolicy uncertain{};
  CalibrationMethod calibration = CalibrationMethod::kPlatt;
  ThresholdRule threshold{};
  std::uint64_t seed = 0;
};

/// A linear head with its scaling. Plain value.
struct ProbeHead {
  Standardizer standardizer;
  LinearClassifier classifier;

  std::vector<double> logits(const FeatureMatrix& features) const { return classifier.logits(standardizer(features)); }
};

/// Fitted on `rows`; scaling from all of `scaled_by`, whose labels are not looked at.
ProbeHead fit_probe(const FeatureMatrix& features, const LabelledFilms& labels, const std::vector<std::size_t>& rows,
                    const std::vector<std::size_t>& scaled_by, double c, const ProbeOptions& options);

/// A head with all that its answers need.
struct CalibratedHead {
  ProbeHead head;
  double c = 0;
  std::vector<Calibration> calibrations;  ///< K, fitted on logits of inner folds' held-out films
  std::vector<double> thresholds;         ///< K, for calibrated probabilities
};

/// Cross-fits inside `rows`: every inner fold is scored by a head of the others, and these scores choose C, calibration
/// and thresholds; the head itself then learns from all rows.
CalibratedHead fit_calibrated(const FeatureMatrix& features, const LabelledFilms& labels, const Folds& folds,
                              const std::vector<std::size_t>& rows, const ProbeOptions& options);

/// Answers about every film by the heads that did not see its fold; rows of films in no fold stay 0.
struct CrossValidation {
  std::vector<double> raw;            ///< f64[n,K] probabilities before calibration
  std::vector<double> calibrated;     ///< f64[n,K]
  std::vector<double> neighbours;     ///< f64[n,K] shares of the nearest films
  std::vector<CalibratedHead> heads;  ///< by fold
};
/// `observer` is told folds done and all. Throws what require_usable_folds() throws.
CrossValidation cross_validate(const FeatureMatrix& features, const LabelledFilms& labels, const Folds& folds,
                               const ProbeOptions& options, const std::function<void(int, int)>& observer = {});

/// Few-shot: for each fold and draw, `shots` films per class (per finding: with and without it), of different patients
/// as far as there are enough, train; the whole fold judges. Macro AUROC of each fold and draw.
std::vector<double> few_shot_aurocs(const FeatureMatrix& features, const LabelledFilms& labels, const Folds& folds,
                                    int shots, int draws, const ProbeOptions& options);

}  // namespace chexworld
