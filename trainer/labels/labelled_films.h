// SPDX-License-Identifier: Apache-2.0
//
// Films and what they show: the one form of labels that training, probing and evaluation share.
#pragma once

#include "trainer/labels/film_table.h"
#include "trainer/labels/label_value.h"

#include <cstddef>
#include <string>
#include <vector>

namespace chexworld {

/// n films by K findings. Plain value; rows are films, numbered from 0.
struct LabelledFilms {
  std::vector<std::string> findings;  ///< K names, in the order of a head's outputs
  bool exclusive = false;             ///< exactly one finding per film is positive: classes
  std::vector<std::int64_t> films;    ///< n, in the archive
  std::vector<std::string> patients;  ///< n keys, never empty
  std::vector<LabelValue> values;     ///< [n,K]

  std::size_t size() const { return films.size(); }
  LabelValue at(std::size_t row, std::size_t finding) const { return values[row * findings.size() + finding]; }
  /// The class of a film whose findings exclude each other.
  std::size_t class_of(std::size_t row) const;
  LabelledFilms subset(const std::vector<std::size_t>& rows) const;
};

/// How many films have each value; exclusive classes: the rest of the films is negative.
struct LabelCounts {
  std::size_t positive = 0, negative = 0, uncertain = 0, missing = 0;
};
LabelCounts count_labels(const LabelledFilms& labels, std::size_t finding);

/// Which columns are labels.
struct LabelColumns {
  std::string classes{};                   ///< one column of class names; else
  std::vector<std::string> class_names{};  ///< those that count, in the order of the outputs; empty: all, sorted
  std::vector<std::string> findings{};     ///< columns of values, one per finding
};

/// "label=normal,pneumonia": column and class names; "label" alone takes all names that occur.
LabelColumns class_columns_from(const std::string& text);

/// Labels of those `films` that have one. Two class names make one finding, the second one: films of the first are its
/// negatives. Films of other classes, and those of which nothing is known, are left out.
/// Throws Failure(kInvalidArgument), counting and naming: texts that are no values; a class that no film has; two
/// classes that were not named, so that nobody knows which one is the finding; rows that contradict each other.
LabelledFilms read_labels(const FilmTable& table, const std::vector<std::int64_t>& films, const LabelColumns& columns);

/// Throws Failure(kInvalidArgument) naming every finding of which only positives or only negatives are known.
void require_both_values(const LabelledFilms& labels);

// ---- for training ----

struct TrainingTargets {
  std::vector<float> targets;  ///< f32[n,K], 0 to 1
  std::vector<float> weights;  ///< f32[n,K], 0 where the target does not count
};
TrainingTargets training_targets(const LabelledFilms& labels, const UncertainPolicy& policy);

/// f32[K]: known negatives over known positives, for losses that weigh positives so. 1 where one of them is missing.
std::vector<float> positive_weights(const LabelledFilms& labels);

}  // namespace chexworld
