// SPDX-License-Identifier: Apache-2.0
#include "trainer/probe/logistic_regression.h"

#include "base/failure.h"
#include "trainer/evaluation/minimise.h"
#include "trainer/evaluation/probability.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace chexworld {
namespace {

/// Parameters are W f64[K,D], then b f64[K].
struct Parameters {
  std::span<const double> x;
  std::size_t outputs, columns;

  std::span<const double> weights(std::size_t k) const { return x.subspan(k * columns, columns); }
  double bias(std::size_t k) const { return x[outputs * columns + k]; }
};

void add_to(std::span<double> sum, double factor, std::span<const double> row) {
  for (std::size_t j = 0; j < row.size(); ++j) sum[j] += factor * row[j];
}

/// Half the squared weights; starts the gradient with them.
double penalty(std::span<const double> x, std::span<double> gradient, std::size_t weights) {
  std::fill(gradient.begin(), gradient.end(), 0);
  std::copy_n(x.begin(), weights, gradient.begin());
  return dot(x.first(weights), x.first(weights)) / 2;
}

/// Logits of one row to the loss of its target; leaves the loss's slopes in place of the logits.
using RowLoss = std::function<double(std::size_t row, std::span<double> logits)>;

LinearClassifier fit(const FeatureMatrix& features, std::size_t outputs, const std::vector<double>& weights,
                     const LogisticOptions& options, const RowLoss& row_loss) {
  const std::size_t columns = features.columns;
  if (weights.size() != features.rows() || columns == 0)
    fail(ErrorCode::kInternal, "logistic regression: features and labels do not fit");
  const Objective objective = [&](std::span<const double> x, std::span<double> gradient) {
    const Parameters now{x, outputs, columns};
    double value = penalty(x, gradient, outputs * columns);
    std::vector<double> logits(outputs);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      for (std::size_t k = 0; k < outputs; ++k) logits[k] = dot(now.weights(k), features.row(i)) + now.bias(k);
      const double strength = options.c * weights[i];
      value += strength * row_loss(i, logits);
      for (std::size_t k = 0; k < outputs; ++k) {
        add_to(gradient.subspan(k * columns, columns), strength * logits[k], features.row(i));
        gradient[outputs * columns + k] += strength * logits[k];
      }
    }
    return value;
  };
  const Minimum found =
      minimise(objective, std::vector<double>(outputs * (columns + 1)), {.tolerance = options.tolerance});
  const auto split = found.x.begin() + std::ptrdiff_t(outputs * columns);
  return {outputs, columns, {found.x.begin(), split}, {split, found.x.end()}};
}

double length(std::span<const double> row) { return std::sqrt(dot(row, row)); }

}  // namespace

std::vector<double> LinearClassifier::logits(const FeatureMatrix& features) const {
  std::vector<double> values;
  values.reserve(features.rows() * outputs);
  for (std::size_t i = 0; i < features.rows(); ++i)
    for (std::size_t k = 0; k < outputs; ++k)
      values.push_back(dot(std::span(weights).subspan(k * columns, columns), features.row(i)) + biases[k]);
  return values;
}

LinearClassifier LinearClassifier::unscaled(const Standardizer& standardizer) const {
  LinearClassifier plain = *this;
  for (std::size_t k = 0; k < outputs; ++k) {
    for (std::size_t j = 0; j < columns; ++j) {
      double& weight = plain.weights[k * columns + j];
      weight /= standardizer.scale()[j];
      plain.biases[k] -= weight * standardizer.mean()[j];
    }
  }
  return plain;
}

LinearClassifier fit_sigmoid(const FeatureMatrix& features, const std::vector<double>& targets,
                             const std::vector<double>& weights, const LogisticOptions& options) {
  return fit(features, 1, weights, options, [&](std::size_t row, std::span<double> logits) {
    const double z = logits[0];
    logits[0] = sigmoid(z) - targets[row];
    return softplus(z) - targets[row] * z;
  });
}

LinearClassifier fit_softmax(const FeatureMatrix& features, const std::vector<int>& classes, std::size_t count,
                             const std::vector<double>& weights, const LogisticOptions& options) {
  return fit(features, count, weights, options, [&](std::size_t row, std::span<double> logits) {
    const auto own = std::size_t(classes[row]);
    const double true_logit = logits[own], log_sum = softmax(logits);
    logits[own] -= 1;
    return log_sum - true_logit;
  });
}

std::vector<double> nearest_neighbours(const FeatureMatrix& known, const std::vector<int>& classes, std::size_t count,
                                       const FeatureMatrix& asked, int neighbours) {
  const std::size_t nearest = std::min(std::size_t(neighbours), known.rows());
  std::vector<double> shares(asked.rows() * count), lengths;
  for (std::size_t i = 0; i < known.rows(); ++i) lengths.push_back(std::max(length(known.row(i)), 1e-12));
  std::vector<std::size_t> order(known.rows());
  std::vector<double> cosine(known.rows());
  for (std::size_t i = 0; i < asked.rows(); ++i) {
    for (std::size_t j = 0; j < known.rows(); ++j) cosine[j] = dot(asked.row(i), known.row(j)) / lengths[j];
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(nearest), order.end(),
                      [&](auto a, auto b) { return cosine[a] != cosine[b] ? cosine[a] > cosine[b] : a < b; });
    for (std::size_t n = 0; n < nearest; ++n) shares[i * count + std::size_t(classes[order[n]])] += 1 / double(nearest);
  }
  return shares;
}

}  // namespace chexworld
