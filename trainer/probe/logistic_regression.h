// SPDX-License-Identifier: Apache-2.0
//
// Logistic regression with an L2 penalty, solved to convergence: the minimum of
//
//   1/2 |W|^2 + C sum_i s_i loss_i
//
// where loss is the log loss of a sigmoid (one output) or softmax (several) and the biases are free, as in
// scikit-learn.
#pragma once

#include "trainer/probe/feature_matrix.h"

#include <string>
#include <vector>

namespace chexworld {

/// Logits = W x + b. Plain value.
struct LinearClassifier {
  std::size_t outputs = 0, columns = 0;
  std::vector<double> weights;  ///< f64[K,D]
  std::vector<double> biases;   ///< f64[K]

  /// f64[n,K]
  std::vector<double> logits(const FeatureMatrix& features) const;
  /// The same function of features before they were standardised.
  LinearClassifier unscaled(const Standardizer& standardizer) const;
};

struct LogisticOptions {
  double c = 0.01;
  double tolerance = 1e-8;  ///< of the gradient, relative to the one at zero
};

/// One finding. `targets` f64[n] from 0 to 1 (soft ones too), `weights` f64[n], 0 for films that do not count.
LinearClassifier fit_sigmoid(const FeatureMatrix& features, const std::vector<double>& targets,
                             const std::vector<double>& weights, const LogisticOptions& options);

/// Classes 0 .. K-1, K at least 2: K outputs whose biases sum to 0.
LinearClassifier fit_softmax(const FeatureMatrix& features, const std::vector<int>& classes, std::size_t count,
                             const std::vector<double>& weights, const LogisticOptions& options);

/// Share of each class among the nearest rows of `known`, by cosine: f64[n,K].
std::vector<double> nearest_neighbours(const FeatureMatrix& known, const std::vector<int>& classes, std::size_t count,
                                       const FeatureMatrix& asked, int neighbours);

}  // namespace chexworld
