// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "infer/encoder_weights.h"

#include <chexworld/engine.h>

#include <cstdint>
#include <string>
#include <vector>

namespace chexworld {

/// Smallest and largest value of each channel of an activation; one channel stands for all where so said.
struct ChannelRanges {
  std::vector<float> least;
  std::vector<float> most;
};

/// What 8-bit activations need to know of one block.
struct BlockRanges {
  ChannelRanges attention_input;   ///< f32[D], after norm1
  ChannelRanges attention_output;  ///< f32[D], before proj
  ChannelRanges mlp_input;         ///< f32[D], after norm2
  ChannelRanges mlp_hidden;        ///< f32[1], after the GELU
};
using Calibration = std::vector<BlockRanges>;

/// One way to compute an encoder. Immutable once made: encode() is thread safe.
class Backend {
 public:
  virtual ~Backend() = default;

  /// images f32[batch,channels,S,S], batch >= 1. Writes the tokens f32[batch,N,D] after the final norm and their means
  /// f32[batch,D], each where it is not null. Throws Failure.
  virtual void encode(const float* images, std::int64_t batch, float* tokens, float* embedding) const = 0;

  /// The ranges of all activations over these images; only f32 backends can tell.
  virtual Calibration observe(const float* images, std::int64_t batch) const = 0;
};

}  // namespace chexworld
