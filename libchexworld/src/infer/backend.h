// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "infer/encoder_weights.h"

#include <chexworld/engine.h>

#include <cstdint>
#include <string>
#include <vector>

namespace chexworld {

/// What calibration saw of each channel of an activation: f32[channels] each.
struct ChannelStatistics {
  std::vector<float> least;
  std::vector<float> most;
  std::vector<float> mean;
};

/// What 8-bit activations need to know of one block.
struct BlockStatistics {
  ChannelStatistics attention_input;   ///< [D], after norm1
  ChannelStatistics attention_output;  ///< [D], before proj
  ChannelStatistics mlp_input;         ///< [D], after norm2
  ChannelStatistics mlp_hidden;        ///< [mlp_width], after the GELU
};
using Calibration = std::vector<BlockStatistics>;

/// One way to compute an encoder. Immutable once made: encode() is thread safe.
class Backend {
 public:
  virtual ~Backend() = default;

  /// images f32[batch,channels,S,S], batch >= 1. Writes the tokens f32[batch,N,D] after the final norm and their means
  /// f32[batch,D], each where it is not null. Throws Failure.
  virtual void encode(const float* images, std::int64_t batch, float* tokens, float* embedding) const = 0;

  /// The statistics of all activations over these images; only f32 oneDNN backends can tell.
  virtual Calibration observe(const float* images, std::int64_t batch) const = 0;
};

}  // namespace chexworld
