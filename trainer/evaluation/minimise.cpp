// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/minimise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>

namespace chexworld {
namespace {

constexpr double kSufficientDecrease = 1e-4, kCurvature = 0.9;
constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
constexpr int kMostTrials = 60;

double largest(std::span<const double> values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

/// A place with what is known there.
struct Place {
  std::vector<double> x, gradient;
  double value = 0;
};

struct Change {
  std::vector<double> step, gradient;
  double curvature;  // 1 / (step . gradient)
};

/// Two-loop recursion: minus the inverse Hessian that the changes stand for, times the gradient.
std::vector<double> direction(const std::vector<double>& gradient, const std::deque<Change>& changes) {
  std::vector<double> q(gradient), factors(changes.size());
  const auto add = [&q](double factor, const std::vector<double>& vector) {
    for (std::size_t i = 0; i < q.size(); ++i) q[i] += factor * vector[i];
  };
  for (std::size_t i = changes.size(); i-- > 0;) {
    factors[i] = changes[i].curvature * dot(changes[i].step, q);
    add(-factors[i], changes[i].gradient);
  }
  double scale = 1 / std::max(largest(gradient), 1e-300);
  if (!changes.empty()) scale = 1 / (changes.back().curvature * dot(changes.back().gradient, changes.back().gradient));
  for (double& value : q) value *= scale;
  for (std::size_t i = 0; i < changes.size(); ++i)
    add(factors[i] - changes[i].curvature * dot(changes[i].gradient, q), changes[i].step);
  for (double& value : q) value = -value;
  return q;
}

/// Whether a place was found that is lower by enough and flatter by enough.
bool search_line(const Objective& objective, const Place& from, const std::vector<double>& along, Place& to) {
  const double slope = dot(from.gradient, along);
  if (!(slope < 0)) return false;
  double low = 0, high = std::numeric_limits<double>::infinity(), step = 1;
  for (int trial = 0; trial < kMostTrials; ++trial) {
    for (std::size_t i = 0; i < along.size(); ++i) to.x[i] = from.x[i] + step * along[i];
    to.value = objective(to.x, to.gradient);
    const double allowed = from.value + kSufficientDecrease * step * slope + kRounding * std::abs(from.value);
    if (!(to.value <= allowed)) {
      high = step;
    } else if (dot(to.gradient, along) < kCurvature * slope) {
      low = step;
    } else {
      return true;
    }
    step = std::isinf(high) ? 2 * step : (low + high) / 2;
  }
  return false;
}

}  // namespace

double dot(std::span<const double> a, std::span<const double> b) {
  std::array<double, 8> parts{};
  std::size_t i = 0;
  for (; i + parts.size() <= a.size(); i += parts.size())
    for (std::size_t j = 0; j < parts.size(); ++j) parts[j] += a[i + j] * b[i + j];
  double rest = 0;
  for (; i < a.size(); ++i) rest += a[i] * b[i];
  return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7])) + rest;
}

Minimum minimise(const Objective& objective, std::vector<double> start, const MinimiseOptions& options) {
  Place here{std::move(start), {}, 0};
  here.gradient.resize(here.x.size());
  here.value = objective(here.x, here.gradient);
  Place next = here;
  const double enough = options.tolerance * std::max(largest(here.gradient), 1e-12);
  std::deque<Change> changes;
  Minimum found;
  while (found.steps < options.most_steps && largest(here.gradient) > enough) {
    if (!search_line(objective, here, direction(here.gradient, changes), next)) {
      if (changes.empty()) break;  // along the gradient itself there is nothing lower: rounding has the last word
      changes.clear();
      continue;
    }
    ++found.steps;
    Change change{next.x, next.gradient, 0};
    for (std::size_t i = 0; i < here.x.size(); ++i) {
      change.step[i] -= here.x[i];
      change.gradient[i] -= here.gradient[i];
    }
    const double bend = dot(change.step, change.gradient);
    std::swap(here, next);
    if (!(bend > 0)) continue;
    change.curvature = 1 / bend;
    changes.push_back(std::move(change));
    if (int(changes.size()) > options.memory) changes.pop_front();
  }
  found.value = here.value;
  found.largest_gradient = largest(here.gradient);
  found.converged = found.largest_gradient <= enough || found.steps < options.most_steps;
  found.x = std::move(here.x);
  return found;
}

}  // namespace chexworld
