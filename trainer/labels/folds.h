// SPDX-License-Identifier: Apache-2.0
//
// Which films train and which judge. A patient is always on one side.
#pragma once

#include "trainer/labels/labelled_films.h"

#include <cstdint>
#include <string>
#include <vector>

namespace chexworld {

/// A division of labelled films. Plain value; rows as in LabelledFilms.
struct Folds {
  std::vector<std::string> names;  ///< "0" ... "4", or "train", "test", ...
  std::vector<int> of;             ///< n: place in `names`; -1: in no fold, so never used

  std::size_t count() const { return names.size(); }
  /// Throws Failure(kInvalidArgument) naming the folds that there are.
  int number_of(const std::string& name) const;
  std::vector<std::size_t> inside(int fold) const;   ///< rows of this fold, ascending
  std::vector<std::size_t> outside(int fold) const;  ///< rows of all other folds, ascending
};

/// Folds by the texts of a column, numbers in their order, other names sorted; films without text are in none.
/// Throws Failure(kInvalidArgument) where a patient is in several folds (the keys of some, and how many there are) or
/// where there are less than two folds.
Folds given_folds(const FilmTable& table, const LabelledFilms& labels, const std::string& column);

/// `count` folds of whole patients, in which labels are spread as evenly as patients allow. The same labels and seed
/// give the same folds. Throws Failure(kInvalidArgument) for less than two folds, or less patients than folds.
Folds draw_folds(const LabelledFilms& labels, int count, std::uint64_t seed);

/// Throws Failure(kInvalidArgument), counting and naming folds and findings: a fold without films; a fold, or what is
/// left without it, in which only positives or only negatives of a finding are known.
void require_usable_folds(const LabelledFilms& labels, const Folds& folds);

/// Rows that train, choose (early stop, calibration, thresholds) and judge.
struct Split {
  std::vector<std::size_t> train, validation, test;
};

/// Test is fold `test`; validation is fold `validation`, or where that is -1, one part in `parts` of the other films,
/// drawn by patients. Checked by require_no_leakage().
Split split_with(const LabelledFilms& labels, const Folds& folds, int test, int validation, int parts,
                 std::uint64_t seed);

/// Throws Failure(kInvalidArgument) where a patient is on two of the three sides: how many, and the keys of some.
void require_no_leakage(const LabelledFilms& labels, const Split& split);

}  // namespace chexworld
