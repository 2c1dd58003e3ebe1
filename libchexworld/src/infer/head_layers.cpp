// SPDX-License-Identifier: Apache-2.0
#include "infer/head_layers.h"

#include "infer/kernels.h"

#include <cmath>

namespace chexworld {

void through(const LinearWeights& linear, const float* x, float* y) {
  multiply_add(linear.weight.data(), std::size_t(linear.outputs), std::size_t(linear.inputs), x, linear.bias.data(), y);
}

HeadValues through(const LinearWeights& linear, const HeadValues& x) {
  HeadValues y(std::size_t(linear.outputs));
  through(linear, x.data(), y.data());
  return y;
}

HeadValues through(const NormParameters& norm, const float* x) {
  HeadValues y(norm.gain.size());
  layer_norm(x, 1, y.size(), {norm.gain.data(), norm.shift.data(), kHeadNormEps}, y.data());
  return y;
}

void gelu(HeadValues& values) {
  for (float& x : values) x = 0.5F * x * std::erfc(-x * 0.70710678F);
}

HeadValues back_through(const LinearWeights& linear, std::span<const float> gradient) {
  const auto width = std::size_t(linear.inputs);
  HeadValues back(width, 0);
  for (std::size_t row = 0; row < gradient.size(); ++row) {
    const float* weight = linear.weight.data() + row * width;
    for (std::size_t i = 0; i < width; ++i) back[i] += gradient[row] * weight[i];
  }
  return back;
}

/// With z = (x - mean) / s and g the gradient times the gains: (g - mean(g) - z mean(g z)) / s.
HeadValues back_through(const NormParameters& norm, const HeadValues& x, const HeadValues& gradient) {
  const std::size_t width = x.size();
  const double centre = average(x.data(), width), deviation = norm_deviation(x.data(), width);
  double sum = 0, product = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const double scaled = double(gradient[i]) * double(norm.gain[i]);
    sum += scaled;
    product += scaled * (double(x[i]) - centre) / deviation;
  }
  HeadValues back(width);
  for (std::size_t i = 0; i < width; ++i) {
    const double z = (double(x[i]) - centre) / deviation, scaled = double(gradient[i]) * double(norm.gain[i]);
    back[i] = float((scaled - sum / double(width) - z * product / double(width)) / deviation);
  }
  return back;
}

HeadValues back_through_gelu(const HeadValues& x, HeadValues gradient) {
  constexpr double kRootHalf = 0.70710678118654752, kInverseRootTwoPi = 0.39894228040143268;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto at = double(x[i]);
    const double slope = 0.5 * std::erfc(-at * kRootHalf) + at * kInverseRootTwoPi * std::exp(-0.5 * at * at);
    gradient[i] = float(double(gradient[i]) * slope);
  }
  return gradient;
}

double inner_product(const float* a, const float* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

double average(const float* x, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += double(x[i]);
  return sum / double(count);
}

double norm_deviation(const float* x, std::size_t count) {
  const double mean = average(x, count);
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) squares += (double(x[i]) - mean) * (double(x[i]) - mean);
  return std::sqrt(squares / double(count) + double(kHeadNormEps));
}

}  // namespace chexworld
