// SPDX-License-Identifier: Apache-2.0
#include "infer/kernels.h"

#include "infer/kernel_math.h"

#include <bit>
#include <cmath>

namespace chexworld {
namespace {

template <class Out>
INLINED void norm_rows(const float* x, std::size_t rows, std::size_t width, const NormWeights& weights, Out* y) {
  const float* gain = weights.gain;
  const float* shift = weights.shift;
  for (std::size_t row = 0; row < rows; ++row, x += width, y += width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = 0; i < width; ++i) sum += x[i];
    const float mean = sum / float(width);
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::size_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const float factor = 1.0F / std::sqrt(squares / float(width) + weights.eps);
#pragma omp simd
    for (std::size_t i = 0; i < width; ++i) store((x[i] - mean) * factor * gain[i] + shift[i], y + i);
  }
}

template <class Out>
INLINED void softmax_row(const float* x, std::size_t width, float factor, float* powers, Out* y) {
  float most = x[0];
#pragma omp simd reduction(max : most)
  for (std::size_t i = 0; i < width; ++i) most = x[i] > most ? x[i] : most;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t i = 0; i < width; ++i) {
    powers[i] = exp_of_negative((x[i] - most) * factor);
    sum += powers[i];
  }
  const float inverse = 1.0F / sum;
#pragma omp simd
  for (std::size_t i = 0; i < width; ++i) store(powers[i] * inverse, y + i);
}

}  // namespace

PER_INSTRUCTION_SET void layer_norm(const float* x, std::size_t rows, std::size_t width, const NormWeights& weights,
                                    float* y) {
  norm_rows(x, rows, width, weights, y);
}

PER_INSTRUCTION_SET void layer_norm(const float* x, std::size_t rows, std::size_t width, const NormWeights& weights,
                                    Bfloat16Bits* y) {
  norm_rows(x, rows, width, weights, y);
}

PER_INSTRUCTION_SET void softmax(const float* scores, std::size_t rows, std::size_t width, float factor,
                                 float* weights) {
  for (std::size_t row = 0; row < rows; ++row)
    softmax_row(scores + row * width, width, factor, weights + row * width, weights + row * width);
}

// The powers go where the scores were: they are not needed again.
PER_INSTRUCTION_SET void softmax(float* scores, std::size_t rows, std::size_t width, float factor,
                                 Bfloat16Bits* weights) {
  for (std::size_t row = 0; row < rows; ++row)
    softmax_row(scores + row * width, width, factor, scores + row * width, weights + row * width);
}

PER_INSTRUCTION_SET void convert(const float* from, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}

PER_INSTRUCTION_SET void convert(const float* from, std::size_t count, Bfloat16Bits* to) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i) store(from[i], to + i);
}

PER_INSTRUCTION_SET void mean_of_rows(const float* x, std::size_t rows, std::size_t width, float* mean) {
  for (std::size_t i = 0; i < width; ++i) mean[i] = 0;
  for (std::size_t row = 0; row < rows; ++row, x += width) {
#pragma omp simd
    for (std::size_t i = 0; i < width; ++i) mean[i] += x[i];
  }
  const float factor = 1.0F / float(rows);
#pragma omp simd
  for (std::size_t i = 0; i < width; ++i) mean[i] *= factor;
}

PER_INSTRUCTION_SET void multiply_add(const float* matrix, std::size_t rows, std::size_t width, const float* x,
                                      const float* bias, float* y) {
  for (std::size_t row = 0; row < rows; ++row, matrix += width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = 0; i < width; ++i) sum += matrix[i] * x[i];
    y[row] = sum + bias[row];
  }
}

PER_INSTRUCTION_SET void normalize_length(const float* x, std::size_t width, float* y) {
  double squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::size_t i = 0; i < width; ++i) squares += double(x[i]) * double(x[i]);
  const float factor = squares > 0 ? float(1.0 / std::sqrt(squares)) : 0.0F;
#pragma omp simd
  for (std::size_t i = 0; i < width; ++i) y[i] = x[i] * factor;
}

PER_INSTRUCTION_SET bool all_finite(const float* x, std::size_t count) {
  constexpr std::uint32_t kExponent = 0x7f800000U;
  std::uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
  for (std::size_t i = 0; i < count; ++i)
    bad |= std::uint32_t((std::bit_cast<std::uint32_t>(x[i]) & kExponent) == kExponent);
  return bad == 0;
}

}  // namespace chexworld
