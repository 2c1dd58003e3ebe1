// SPDX-License-Identifier: Apache-2.0
//
// Activations to 8 bits and products of 8-bit activations back, row by row: the loops around int8 layers
// (infer/quantize.h has the arithmetic). One thread's share each, vectorised like infer/kernels.h.
//
// A row u is stored as q = round(u / s) + 128 with its own scale s = max |u| / 127, so that nothing is ever cut off.
#pragma once

#include "infer/kernels.h"

#include <cstddef>
#include <cstdint>

namespace chexworld {

inline constexpr int kZeroPoint = 128;

/// u = (x - centre) * inverse_factor, channel by channel.
struct ChannelCoding {
  const float* centre;          ///< f32[width]
  const float* inverse_factor;  ///< f32[width]
};

/// Where coded rows go.
struct CodedRows {
  std::uint8_t* values;  ///< u8[rows,width]
  float* scales;         ///< f32[rows]
};

/// layer_norm, whose gain and shift already contain the channel coding, then coded.
void layer_norm_coded(const float* x, std::size_t rows, std::size_t width, const NormWeights& weights, CodedRows to);

/// Rows of f32 or bf16, coded.
void code_rows(const float* x, std::size_t rows, std::size_t width, const ChannelCoding& coding, CodedRows to);
void code_rows(const Bfloat16Bits* x, std::size_t rows, std::size_t width, const ChannelCoding& coding, CodedRows to);

/// product * scale of its row + bias: what an int8 layer computes. In place.
void scale_rows(float* product, std::size_t rows, std::size_t width, const float* scales, const float* bias);
void scale_rows(Bfloat16Bits* product, std::size_t rows, std::size_t width, const float* scales, const float* bias);

/// The same, added to `sum`.
void add_scaled_rows(const float* product, std::size_t rows, std::size_t width, const float* scales, const float* bias,
                     float* sum);

/// The GELU of the same, coded. `row` f32[width] is working space. `scales` are read before `to.scales` is written, so
/// the two may be one.
void gelu_coded(const float* product, std::size_t rows, std::size_t width, const float* scales, const float* bias,
                const ChannelCoding& coding, float* row, CodedRows to);
void gelu_coded(const Bfloat16Bits* product, std::size_t rows, std::size_t width, const float* scales,
                const float* bias, const ChannelCoding& coding, float* row, CodedRows to);

}  // namespace chexworld
