// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/bootstrap.h"

#include "views/random.h"

#include <cmath>
#include <limits>
#include <map>

namespace chexworld {

Bootstrap::Bootstrap(const std::vector<std::string>& patients, int samples, std::uint64_t seed)
    : samples_(samples), seed_(seed) {
  std::map<std::string, std::size_t> numbers;
  for (const std::string& patient : patients)
    patient_of_.push_back(numbers.try_emplace(patient, numbers.size()).first->second);
  patients_ = numbers.size();
}

std::vector<double> Bootstrap::weights(int sample) const {
  StreamRandom random({seed_, 0, std::uint64_t(sample), RandomPurpose::kOther});
  std::vector<double> drawn(patients_), weights;
  for (std::size_t i = 0; i < patients_; ++i) drawn[std::size_t(random.below(std::int64_t(patients_)))] += 1;
  weights.reserve(patient_of_.size());
  for (const std::size_t patient : patient_of_) weights.push_back(drawn[patient]);
  return weights;
}

std::vector<Estimate> estimates(const Bootstrap& bootstrap, const Measure& measure) {
  const std::vector<double> values = measure({});
  std::vector<std::vector<double>> samples(values.size());
  for (int sample = 0; sample < bootstrap.samples(); ++sample) {
    const std::vector<double> again = measure(bootstrap.weights(sample));
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isnan(again[i])) samples[i].push_back(again[i]);
  }
  std::vector<Estimate> found;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool enough = !std::isnan(values[i]) && 2 * samples[i].size() >= std::size_t(bootstrap.samples());
    if (!enough) samples[i].clear();  // quantile() of nothing is NaN
    found.push_back({values[i], quantile(samples[i], 0.025), quantile(samples[i], 0.975)});
  }
  return found;
}

Estimate mean_estimate(const Bootstrap& bootstrap, Numbers values) {
  return estimates(bootstrap, [&](Numbers weights) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double weight = weights.empty() ? 1 : weights[i];
      sum += weight * values[i];
      count += weight;
    }
    return std::vector{sum / count};
  })[0];
}

}  // namespace chexworld
