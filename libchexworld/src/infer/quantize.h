// SPDX-License-Identifier: Apache-2.0
//
// 8-bit arithmetic for linear layers: symmetric weights per output channel, activations with one scale per row.
//
// Activations of the transformer differ in range from channel to channel. Each is therefore shifted and divided by
// constants before it is stored, which vanish into the weights around it:
//
//   u_j = (x_j - centre_j) / factor_j        stored q = round(u_j / s) + 128, s = max |u| / 127 of this row
//   y_n = s * (w_n * sum_j W8_nj q_j + compensation_n) + bias'_n
//   W8_nj = round(W_nj factor_j / w_n), |W8| <= 127,   compensation_n = -128 w_n sum_j W8_nj,
//   bias'_n = b_n + sum_j W_nj centre_j
//
// centre_j is the mean that calibration saw, so that what rounding does to the weights touches deviations from it only;
// factor_j = sqrt(range of x_j / range of W_.j) shares the difficulty between activations and weights. Neither has to
// fit an image for the result to be right.
#pragma once

#include "infer/backend.h"
#include "infer/encoder_weights.h"

#include <cstdint>
#include <vector>

namespace chexworld {

/// How an activation of K channels is shifted and stretched before it is stored.
struct Coding {
  std::vector<float> centre;          ///< f32[K]
  std::vector<float> factor;          ///< f32[K]
  std::vector<float> inverse_factor;  ///< f32[K]
};

/// Balanced per channel; statistics f32[K].
Coding balanced_coding(const ChannelStatistics& statistics, const LinearWeights& layer);

struct QuantizedLinear {
  std::vector<std::int8_t> weight;  ///< s8[outputs,inputs]
  std::vector<float> weight_scale;  ///< f32[outputs]
  std::vector<float> compensation;  ///< f32[outputs]
  std::vector<float> bias;          ///< f32[outputs]
};
QuantizedLinear quantize(const LinearWeights& layer, const Coding& input);

/// The norm whose output is (x - centre) / factor.
NormParameters coded_norm(const NormParameters& norm, const Coding& coding);

}  // namespace chexworld
