// SPDX-License-Identifier: Apache-2.0
//
// Minima of smooth convex functions: what logistic regression and calibration are made of.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace chexworld {

/// The value at x; writes the gradient, as long as x.
using Objective = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct MinimiseOptions {
  double tolerance = 1e-9;  ///< of the largest entry of the gradient, relative to the one at the start
  int most_steps = 3000;
  int memory = 12;  ///< pairs of steps and changes of the gradient that stand for the curvature
};

struct Minimum {
  std::vector<double> x;
  double value = 0;
  double largest_gradient = 0;
  int steps = 0;
  bool converged = false;  ///< within the tolerance, or as near as rounding allows
};

/// Limited-memory BFGS (Nocedal 1980) with a weak Wolfe line search by bisection. Deterministic.
Minimum minimise(const Objective& objective, std::vector<double> start, const MinimiseOptions& options = {});

/// Sums in eight parts, which the compiler may compute side by side.
double dot(std::span<const double> a, std::span<const double> b);

}  // namespace chexworld
