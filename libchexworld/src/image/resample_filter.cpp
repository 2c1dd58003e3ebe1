// SPDX-License-Identifier: Apache-2.0
#include "image/resample_filter.h"

#include <algorithm>
#include <cmath>

namespace chexworld {

namespace {

constexpr double kSupport = 2.0;  // of the cubic, in input pixels when nothing shrinks

double cubic(double distance) {
  constexpr double a = -0.5;
  const double x = std::abs(distance);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

void normalize(double* weights, int count) {
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += weights[i];
  if (sum == 0) return;
  for (int i = 0; i < count; ++i) weights[i] /= sum;
}

}  // namespace

ResampleFilter bicubic_filter(int input, int output) {
  const double scale = double(input) / output;
  const double stretch = std::max(scale, 1.0);
  const double reach = kSupport * stretch;
  const double shrink = 1.0 / stretch;
  ResampleFilter filter;
  filter.windows.resize(std::size_t(output));
  filter.stride = int(std::ceil(reach)) * 2 + 1;
  filter.weights.resize(std::size_t(output) * std::size_t(filter.stride));
  for (int i = 0; i < output; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(int(center - reach + 0.5), 0);
    const int count = std::min(int(center + reach + 0.5), input) - first;
    double* weights = filter.weights.data() + std::size_t(i) * std::size_t(filter.stride);
    for (int k = 0; k < count; ++k) weights[k] = cubic((k + first - center + 0.5) * shrink);
    normalize(weights, count);
    filter.windows[std::size_t(i)] = {first, count};
  }
  return filter;
}

std::vector<double> bicubic_matrix(int input, int output) {
  const ResampleFilter filter = bicubic_filter(input, output);
  std::vector<double> matrix(std::size_t(output) * std::size_t(input));
  for (std::size_t i = 0; i < filter.windows.size(); ++i) {
    const auto [first, count] = filter.windows[i];
    const double* weights = filter.weights.data() + i * std::size_t(filter.stride);
    std::copy(weights, weights + count, matrix.begin() + std::ptrdiff_t(i) * input + first);
  }
  return matrix;
}

}  // namespace chexworld
