// SPDX-License-Identifier: Apache-2.0
//
// Cross-validation in numbers: each fold, and their mean with deviation and interval.
#pragma once

#include "trainer/evaluation/evaluation.h"
#include "trainer/labels/folds.h"

#include <string>
#include <vector>

namespace chexworld {

/// One number, over the folds in which it exists.
struct FoldNumber {
  std::string name;             ///< auroc, average_precision, balanced_accuracy, accuracy, brier, calibration_error
  std::vector<Estimate> folds;  ///< of every fold, in order
  Estimate mean;                ///< its interval: patients drawn anew in all folds together
  double deviation = 0;         ///< of the folds' values (divided by their number)
};

/// Macro means over findings; for classes that exclude each other accuracies and calibration error are those of the
/// most probable class. Only `rows` are judged: a stratum, or all films.
std::vector<FoldNumber> summarise_folds(const ScoredFilms& films, const Folds& folds,
                                        const std::vector<std::size_t>& rows, const EvaluationOptions& options = {});

Json to_json(const std::vector<FoldNumber>& numbers);
/// Throws Failure(kInternal) if there is none of this name.
FoldNumber fold_number(const std::vector<FoldNumber>& numbers, const std::string& name);
/// "0.831 ± 0.015 (0.802 to 0.856)"
std::string text_of(const FoldNumber& number);

}  // namespace chexworld
