// SPDX-License-Identifier: Apache-2.0
#include "trainer/probe/feature_matrix.h"

#include <cmath>

namespace chexworld {

FeatureMatrix FeatureMatrix::of(std::span<const float> values, std::size_t columns) {
  return {columns, {values.begin(), values.end()}};
}

FeatureMatrix FeatureMatrix::subset(const std::vector<std::size_t>& chosen) const {
  FeatureMatrix part{columns, {}};
  part.values.reserve(chosen.size() * columns);
  for (const std::size_t i : chosen) part.values.insert(part.values.end(), row(i).begin(), row(i).end());
  return part;
}

Standardizer::Standardizer(const FeatureMatrix& seen) : mean_(seen.columns), scale_(seen.columns) {
  const double count = double(seen.rows());
  for (std::size_t i = 0; i < seen.values.size(); ++i) mean_[i % seen.columns] += seen.values[i] / count;
  for (std::size_t i = 0; i < seen.values.size(); ++i) {
    const double distance = seen.values[i] - mean_[i % seen.columns];
    scale_[i % seen.columns] += distance * distance / count;
  }
  for (std::size_t j = 0; j < seen.columns; ++j) {
    const double deviation = std::sqrt(scale_[j]);
    scale_[j] = deviation > 1e-9 * std::abs(mean_[j]) ? deviation : 1;  // below that it is rounding
    if (scale_[j] == 0) scale_[j] = 1;
  }
}

FeatureMatrix Standardizer::operator()(const FeatureMatrix& features) const {
  FeatureMatrix scaled = features;
  for (std::size_t i = 0; i < scaled.values.size(); ++i)
    scaled.values[i] = (scaled.values[i] - mean_[i % features.columns]) / scale_[i % features.columns];
  return scaled;
}

}  // namespace chexworld
