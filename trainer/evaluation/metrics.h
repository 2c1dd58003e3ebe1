// SPDX-License-Identifier: Apache-2.0
//
// How good scores are, each number as scikit-learn computes it.
//
// Everywhere: `labels` are 0 or 1, as many as scores; `weights` count films (a bootstrap sample: how often a film was
// drawn), empty means once each. A number that does not exist (an AUROC of one class, a sensitivity without positives)
// is NaN, so that bootstrap samples without it can be passed over. Pure functions: thread safe.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace chexworld {

using Numbers = std::span<const double>;
using Labels = std::span<const int>;

/// Scores of one finding in descending order, ties together: sorted once, then every area costs one pass, for any
/// number of bootstrap samples.
class RankedScores {
 public:
  RankedScores(Numbers scores, Labels labels);

  /// Area under the ROC curve; ties count half.
  double auroc(Numbers weights = {}) const;
  /// Area under the precision-recall curve as average precision: sum of (R_n - R_n-1) P_n over distinct scores.
  double average_precision(Numbers weights = {}) const;

  /// Counting films with at least this score as positive.
  struct Point {
    double score, true_positives, false_positives;
  };
  /// By distinct scores, highest first.
  std::vector<Point> points(Numbers weights = {}) const;
  double positives() const { return positives_; }
  double negatives() const { return negatives_; }

 private:
  std::vector<std::size_t> order_;  // of the films, highest score first
  std::vector<bool> last_of_tie_;   // along order_
  std::vector<double> scores_;      // along order_
  std::vector<int> labels_;         // along order_
  double positives_ = 0, negatives_ = 0;
};

/// Throws Failure(kInvalidArgument) unless both labels occur; else RankedScores::auroc.
double auroc(Numbers scores, Labels labels);

/// Films on the four sides of a threshold.
struct Confusion {
  double true_positives = 0, false_positives = 0, true_negatives = 0, false_negatives = 0;

  double count() const { return true_positives + false_positives + true_negatives + false_negatives; }
  double sensitivity() const { return true_positives / (true_positives + false_negatives); }
  double specificity() const { return true_negatives / (true_negatives + false_positives); }
  double precision() const { return true_positives / (true_positives + false_positives); }
  double negative_predictive_value() const { return true_negatives / (true_negatives + false_negatives); }
  double accuracy() const { return (true_positives + true_negatives) / count(); }
  double balanced_accuracy() const { return (sensitivity() + specificity()) / 2; }
  double f1() const { return 2 * true_positives / (2 * true_positives + false_positives + false_negatives); }
};
/// A film is called positive from `threshold` on.
Confusion confusion_at(Numbers scores, Labels labels, double threshold, Numbers weights = {});

/// Mean squared distance of probabilities to labels.
double brier_score(Numbers probabilities, Labels labels, Numbers weights = {});

/// One bar of a reliability diagram.
struct ReliabilityBin {
  double count = 0, mean_probability = 0, positive_share = 0;
};
/// Bins of equal width over (0,1], the first with 0 in it; scikit-learn's calibration_curve(strategy="uniform"), with
/// empty bins kept.
std::vector<ReliabilityBin> reliability(Numbers probabilities, Labels labels, int bins, Numbers weights = {});
/// Mean over films of |mean probability - share of positives| in their bin (Guo et al., ICML 2017).
double expected_calibration_error(const std::vector<ReliabilityBin>& bins);

// ---- classes that exclude each other: probabilities f64[n,K], classes 0 .. K-1 ----

/// The most probable class of each film; the first of equals.
std::vector<int> predicted_classes(Numbers probabilities, std::size_t classes);
double accuracy(Labels predicted, Labels truth, Numbers weights = {});
/// Mean over the classes that occur of the share of their films that were recognised.
double balanced_accuracy(Labels predicted, Labels truth, std::size_t classes, Numbers weights = {});
/// Counts f64[K,K], row-major: true class by predicted class.
std::vector<double> confusion_matrix(Labels predicted, Labels truth, std::size_t classes);

// ---- masks ----

/// 2 |A and B| / (|A| + |B|), not zero meaning inside; 1 where both are empty. Throws Failure(kInvalidArgument) for
/// masks of different size.
double dice(std::span<const unsigned char> predicted, std::span<const unsigned char> truth);

// ---- over folds, draws, films ----

double mean_of(const std::vector<double>& values);
/// Of the values themselves (divided by n).
double deviation_of(const std::vector<double>& values);
/// Between the neighbours in order, as numpy's default; `share` 0 to 1. NaN for none.
double quantile(std::vector<double> values, double share);

}  // namespace chexworld
