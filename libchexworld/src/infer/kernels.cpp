// SPDX-License-Identifier: Apache-2.0
#include "infer/kernels.h"

#include <bit>
#include <cmath>

// Compiled once per instruction set; the loader picks. Sanitizers start too late for that.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PER_INSTRUCTION_SET __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PER_INSTRUCTION_SET
#endif
#define INLINED inline __attribute__((always_inline))

namespace chexworld {
namespace {

INLINED void store(float value, float* to) { *to = value; }

INLINED void store(float value, Bfloat16Bits* to) {  // nearest, ties to even; not for NaN
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  *to = Bfloat16Bits((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

constexpr float kRoundingShift = 12582912.0F;  // 1.5 * 2^23: adding it leaves the integer in the low bits

INLINED void store(float value, std::uint8_t* to) {
  float shifted = value + float(kZeroPoint);
  shifted = shifted > 0 ? shifted : 0;
  shifted = shifted < 255 ? shifted : 255;
  *to = std::uint8_t(std::bit_cast<std::uint32_t>(shifted + kRoundingShift) & 0xffU);
}

/// e^x for x <= 0, to 2 units in the last place; 0 below -87.
INLINED float exp_of_negative(float x) {
  x = x > -87.0F ? x : -87.0F;
  const float shifted = x * 1.44269504F + kRoundingShift;
  const float n = shifted - kRoundingShift;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;  // minimax polynomial of (e^r - 1 - r) / r^2 on |r| <= ln(2)/2
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::int32_t exponent = std::bit_cast<std::int32_t>(shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(p) + exponent);
}

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

PER_INSTRUCTION_SET void layer_norm(const float* x, std::size_t rows, std::size_t width, const NormWeights& weights,
                                    std::uint8_t* y) {
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

PER_INSTRUCTION_SET void quantize(const float* from, std::size_t count, float inverse_scale, std::uint8_t* to) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i) store(from[i] * inverse_scale, to + i);
}

PER_INSTRUCTION_SET void quantize(const Bfloat16Bits* from, std::size_t count, float inverse_scale, std::uint8_t* to) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i)
    store(std::bit_cast<float>(std::uint32_t(from[i]) << 16) * inverse_scale, to + i);
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
