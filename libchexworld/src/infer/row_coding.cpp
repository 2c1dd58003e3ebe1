// SPDX-License-Identifier: Apache-2.0
#include "infer/row_coding.h"

#include "infer/kernel_math.h"

#include <cmath>

namespace chexworld {
namespace {

constexpr float kSmallest = 1e-20F;  // a row of zeros has no scale of its own

INLINED std::uint8_t coded(float value) {  // |value| <= 127, up to rounding
  return std::uint8_t(std::bit_cast<std::uint32_t>(value + (kRoundingShift + float(kZeroPoint))) & 0xffU);
}

INLINED float scale_of(float largest) { return (largest > kSmallest ? largest : kSmallest) / 127.0F; }

INLINED float larger(float a, float b) { return a > b ? a : b; }

template <class In>
INLINED void code(const In* x, std::size_t rows, std::size_t width, const ChannelCoding& coding, CodedRows to) {
  const float* centre = coding.centre;
  const float* factor = coding.inverse_factor;
  for (std::size_t row = 0; row < rows; ++row, x += width, to.values += width) {
    float largest = 0;
#pragma omp simd reduction(max : largest)
    for (std::size_t i = 0; i < width; ++i) largest = larger(largest, std::fabs((load(x + i) - centre[i]) * factor[i]));
    to.scales[row] = scale_of(largest);
    const float inverse = 1.0F / to.scales[row];
#pragma omp simd
    for (std::size_t i = 0; i < width; ++i) to.values[i] = coded((load(x + i) - centre[i]) * factor[i] * inverse);
  }
}

template <class Value>
INLINED void scale(Value* product, std::size_t rows, std::size_t width, const float* scales, const float* bias) {
  for (std::size_t row = 0; row < rows; ++row, product += width) {
    const float factor = scales[row];
#pragma omp simd
    for (std::size_t i = 0; i < width; ++i) store(load(product + i) * factor + bias[i], product + i);
  }
}

template <class In>
INLINED void gelu_code(const In* product, std::size_t rows, std::size_t width, const float* scales, const float* bias,
                       const ChannelCoding& coding, float* buffer, CodedRows to) {
  const float* centre = coding.centre;
  const float* inverse_factor = coding.inverse_factor;
  for (std::size_t row = 0; row < rows; ++row, product += width, to.values += width) {
    const float factor = scales[row];
    float largest = 0;
#pragma omp simd reduction(max : largest)
    for (std::size_t i = 0; i < width; ++i) {
      buffer[i] = (gelu(load(product + i) * factor + bias[i]) - centre[i]) * inverse_factor[i];
      largest = larger(largest, std::fabs(buffer[i]));
    }
    to.scales[row] = scale_of(largest);
    const float inverse = 1.0F / to.scales[row];
#pragma omp simd
    for (std::size_t i = 0; i < width; ++i) to.values[i] = coded(buffer[i] * inverse);
  }
}

}  // namespace

PER_INSTRUCTION_SET void layer_norm_coded(const float* x, std::size_t rows, std::size_t width,
                                          const NormWeights& weights, CodedRows to) {
  const float* gain = weights.gain;
  const float* shift = weights.shift;
  for (std::size_t row = 0; row < rows; ++row, x += width, to.values += width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = 0; i < width; ++i) sum += x[i];
    const float mean = sum / float(width);
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::size_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const float factor = 1.0F / std::sqrt(squares / float(width) + weights.eps);
    float largest = 0;
#pragma omp simd reduction(max : largest)
    for (std::size_t i = 0; i < width; ++i)
      largest = larger(largest, std::fabs((x[i] - mean) * factor * gain[i] + shift[i]));
    to.scales[row] = scale_of(largest);
    const float inverse = 1.0F / to.scales[row];
#pragma omp simd
    for (std::size_t i = 0; i < width; ++i)
      to.values[i] = coded(((x[i] - mean) * factor * gain[i] + shift[i]) * inverse);
  }
}

PER_INSTRUCTION_SET void code_rows(const float* x, std::size_t rows, std::size_t width, const ChannelCoding& coding,
                                   CodedRows to) {
  code(x, rows, width, coding, to);
}

PER_INSTRUCTION_SET void code_rows(const Bfloat16Bits* x, std::size_t rows, std::size_t width,
                                   const ChannelCoding& coding, CodedRows to) {
  code(x, rows, width, coding, to);
}

PER_INSTRUCTION_SET void scale_rows(float* product, std::size_t rows, std::size_t width, const float* scales,
                                    const float* bias) {
  scale(product, rows, width, scales, bias);
}

PER_INSTRUCTION_SET void scale_rows(Bfloat16Bits* product, std::size_t rows, std::size_t width, const float* scales,
                                    const float* bias) {
  scale(product, rows, width, scales, bias);
}

PER_INSTRUCTION_SET void add_scaled_rows(const float* product, std::size_t rows, std::size_t width, const float* scales,
                                         const float* bias, float* sum) {
  for (std::size_t row = 0; row < rows; ++row, product += width, sum += width) {
    const float factor = scales[row];
#pragma omp simd
    for (std::size_t i = 0; i < width; ++i) sum[i] += product[i] * factor + bias[i];
  }
}

PER_INSTRUCTION_SET void gelu_coded(const float* product, std::size_t rows, std::size_t width, const float* scales,
                                    const float* bias, const ChannelCoding& coding, float* row, CodedRows to) {
  gelu_code(product, rows, width, scales, bias, coding, row, to);
}

PER_INSTRUCTION_SET void gelu_coded(const Bfloat16Bits* product, std::size_t rows, std::size_t width,
                                    const float* scales, const float* bias, const ChannelCoding& coding, float* row,
                                    CodedRows to) {
  gelu_code(product, rows, width, scales, bias, coding, row, to);
}

}  // namespace chexworld
