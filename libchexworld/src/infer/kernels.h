// SPDX-License-Identifier: Apache-2.0
//
// What is not a matrix product: one thread's share each, vectorised for AVX-512, AVX2 or plain x86-64, chosen at run
// time. Rows are contiguous. No allocation, no failure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chexworld {

using Bfloat16Bits = std::uint16_t;  ///< the upper half of a binary32

struct NormWeights {
  const float* gain;   ///< f32[width]
  const float* shift;  ///< f32[width]
  float eps;
};

/// y = (x - mean) / sqrt(variance + eps) * gain + shift per row of f32[rows,width].
void layer_norm(const float* x, std::size_t rows, std::size_t width, const NormWeights& weights, float* y);
void layer_norm(const float* x, std::size_t rows, std::size_t width, const NormWeights& weights, Bfloat16Bits* y);

/// softmax(factor * scores) per row of f32[rows,width]; in place is fine for f32. The other one spoils `scores`.
void softmax(const float* scores, std::size_t rows, std::size_t width, float factor, float* weights);
void softmax(float* scores, std::size_t rows, std::size_t width, float factor, Bfloat16Bits* weights);

void convert(const float* from, std::size_t count, float* to);
void convert(const float* from, std::size_t count, Bfloat16Bits* to);
/// Mean over the rows of f32[rows,width].
void mean_of_rows(const float* x, std::size_t rows, std::size_t width, float* mean);

/// y = W x + bias, W f32[rows,width].
void multiply_add(const float* matrix, std::size_t rows, std::size_t width, const float* x, const float* bias,
                  float* y);

/// Divides by the Euclidean length; zero stays zero. In place is fine.
void normalize_length(const float* x, std::size_t width, float* y);

bool all_finite(const float* x, std::size_t count);

}  // namespace chexworld
