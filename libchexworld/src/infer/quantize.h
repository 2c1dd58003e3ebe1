// SPDX-License-Identifier: Apache-2.0
//
// 8-bit arithmetic for linear layers: symmetric weights per output channel, one scale per activation tensor.
//
// Activations of the transformer differ in range from channel to channel. Each is therefore shifted and stretched
// before it is stored, by constants that vanish into the weights around it (the preceding norm or the v rows, and this
// layer), at no cost at run time:
//
//   stored q = round((x_j - centre_j) / (factor_j * scale)) + 128,     0 <= q <= 255
//   y_n = scale * s_n * sum_j W8_nj q_j + bias'_n,    W8_nj = round(W_nj factor_j / s_n),    |W8| <= 127
//   bias'_n = b_n + sum_j W_nj centre_j - 128 * scale * s_n * sum_j W8_nj
//
// factor_j = sqrt(range of x_j / range of W_.j) shares the difficulty between activations and weights.
#pragma once

#include "infer/backend.h"
#include "infer/encoder_weights.h"

#include <cstdint>
#include <vector>

namespace chexworld {

/// How an activation of K channels is stored in 8 bits.
struct Coding {
  std::vector<float> centre;  ///< f32[K]
  std::vector<float> factor;  ///< f32[K]
  float scale = 1;
};

/// Balanced per channel; ranges f32[K].
Coding balanced_coding(const ChannelRanges& ranges, const LinearWeights& layer);

/// The same for all K channels, with an integral zero point; ranges f32[1].
struct UniformCoding {
  float scale = 1;
  std::int32_t zero_point = 0;  ///< q = round(x / scale) + zero_point

  Coding for_channels(std::int64_t count) const;
};
UniformCoding uniform_coding(const ChannelRanges& ranges);

struct QuantizedLinear {
  std::vector<std::int8_t> weight;  ///< s8[outputs,inputs]
  std::vector<float> weight_scale;  ///< f32[outputs]
  std::vector<float> bias;          ///< f32[outputs], corrected as above
};
QuantizedLinear quantize(const LinearWeights& layer, const Coding& input);

/// The norm whose output is (x - centre) / (factor * scale).
NormParameters coded_norm(const NormParameters& norm, const Coding& coding);

/// qkv whose v rows give (v - centre) / factor; attention weights sum to 1, so its output does too.
LinearWeights coded_values(const LinearWeights& qkv, const Coding& coding);

}  // namespace chexworld
