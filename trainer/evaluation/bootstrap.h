// SPDX-License-Identifier: Apache-2.0
//
// How sure a number is: percentile intervals of the bootstrap over patients.
#pragma once

#include "trainer/evaluation/metrics.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace chexworld {

/// A number with its 95 % interval; NaN where it does not exist.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

/// Draws patients with replacement, each with all of their films. Immutable: thread safe.
class Bootstrap {
 public:
  /// `patients`: n keys, one per film. The same arguments give the same samples.
  explicit Bootstrap(const std::vector<std::string>& patients, int samples = 500, std::uint64_t seed = 0);

  int samples() const { return samples_; }
  std::size_t patients() const { return patients_; }
  /// f64[n]: how often each film is in this sample.
  std::vector<double> weights(int sample) const;

 private:
  std::vector<std::size_t> patient_of_;  // n
  std::size_t patients_ = 0;
  int samples_;
  std::uint64_t seed_;
};

/// Several numbers of the same films at once; the same number and order whatever the weights.
using Measure = std::function<std::vector<double>(Numbers weights)>;

/// The numbers themselves, and the 2.5 % and 97.5 % quantiles over the samples in which they exist; where that is less
/// than half of them, the interval is NaN.
std::vector<Estimate> estimates(const Bootstrap& bootstrap, const Measure& measure);

/// Of a mean over films that have a value each, such as Dice.
Estimate mean_estimate(const Bootstrap& bootstrap, Numbers values);

}  // namespace chexworld
