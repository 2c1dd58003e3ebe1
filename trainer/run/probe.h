// SPDX-License-Identifier: Apache-2.0
//
// What can be read from frozen features: linear probe and nearest neighbours, with cross-validation.
#pragma once

#include "trainer/evaluation/metrics.h"
#include "trainer/run/features.h"

namespace chexworld {

/// Films, what they show, and which fold they belong to.
struct ProbeTask {
  std::vector<std::int64_t> films;  ///< in the archive
  std::vector<int> labels;          ///< 0 or 1
  std::vector<int> folds;           ///< from 0
};

/// The films of an archive with one of the two labels and a fold. Throws Failure(kInvalidArgument) unless there are
/// two folds, each with both labels.
ProbeTask probe_task(const Archive& archive, const std::string& label_column, const std::string& positive,
                     const std::string& negative, const std::string& fold_column);

/// Area under the ROC curve by fold.
struct ProbeResult {
  std::vector<double> linear, neighbours;
};

struct ProbeOptions {
  double inverse_penalty = 0.01;  ///< C of the logistic regression
  int neighbours = 5;
};

/// Trains on all folds but one and tests on that one. Features f32[n,D] are standardised by the training folds;
/// logistic regression with balanced classes; neighbours by cosine.
ProbeResult probe(const at::Tensor& features, const ProbeTask& task, const ProbeOptions& options = {});

/// Ties count half. Throws Failure(kInvalidArgument) unless both labels occur.
double auroc(const std::vector<double>& scores, const std::vector<int>& labels);

}  // namespace chexworld
