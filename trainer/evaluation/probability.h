// SPDX-License-Identifier: Apache-2.0
//
// Logits to probabilities without overflow.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace chexworld {

/// log(1 + exp(x))
inline double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

inline double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

/// In place; returns the logarithm of the sum of exponentials.
inline double softmax(std::span<double> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double& value : logits) sum += value = std::exp(value - most);
  for (double& value : logits) value /= sum;
  return most + std::log(sum);
}

}  // namespace chexworld
