// SPDX-License-Identifier: Apache-2.0
//
// The look at frozen features that a run takes on its way: linear probe and nearest neighbours of trainer/probe, with
// the settings of docs/training.md.
#pragma once

#include "trainer/labels/folds.h"
#include "trainer/run/features.h"

namespace chexworld {

/// Labelled films of an archive and their folds.
struct ProbeTask {
  LabelledFilms labels;
  Folds folds;
};

/// The films with one of the two labels. Throws Failure(kInvalidArgument) unless there are two folds, each with both
/// labels, and every patient is in one of them.
ProbeTask probe_task(const Archive& archive, const std::string& label_column, const std::string& positive,
                     const std::string& negative, const std::string& fold_column);

/// Area under the ROC curve by fold.
struct ProbeResult {
  std::vector<double> linear, neighbours;
};

/// Trains on all folds but one and tests on that one: logistic regression (C = 0.01, balanced classes) and five nearest
/// neighbours by cosine, features f32[n,D] of the task's films standardised by the training folds.
ProbeResult probe(const at::Tensor& features, const ProbeTask& task);

}  // namespace chexworld
