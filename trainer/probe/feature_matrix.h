// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace chexworld {

/// f64[n,D], row-major: one row of features per film. Plain value.
struct FeatureMatrix {
  std::size_t columns = 0;
  std::vector<double> values;

  static FeatureMatrix of(std::span<const float> values, std::size_t columns);

  std::size_t rows() const { return columns == 0 ? 0 : values.size() / columns; }
  std::span<const double> row(std::size_t i) const { return std::span(values).subspan(i * columns, columns); }
  FeatureMatrix subset(const std::vector<std::size_t>& chosen) const;
};

/// Mean 0 and deviation 1 per column, as seen on the films it was made from. Columns that do not vary are only shifted.
class Standardizer {
 public:
  explicit Standardizer(const FeatureMatrix& seen);

  FeatureMatrix operator()(const FeatureMatrix& features) const;
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& scale() const { return scale_; }

 private:
  std::vector<double> mean_, scale_;
};

}  // namespace chexworld
