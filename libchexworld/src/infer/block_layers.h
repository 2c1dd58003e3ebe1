// SPDX-License-Identifier: Apache-2.0
//
// The layers of one block, arranged for oneDNN, and what int8 layers need beside their weights.
#pragma once

#include "infer/calibration.h"
#include "infer/onednn_session.h"
#include "infer/row_coding.h"

#include <vector>

namespace chexworld {

/// A linear layer. Where it is int8, its input is coded and its product still lacks row scale and bias.
struct BlockLayer {
  Layer layer;
  std::vector<float> bias;  ///< f32[outputs]; empty unless int8
  Coding coding;            ///< of its input; empty unless int8

  bool is_int8() const { return layer.packed.kind.type == LinearType::kInt8; }
  ChannelCoding channels() const { return {coding.centre.data(), coding.inverse_factor.data()}; }
};

struct BlockLayers {
  NormParameters norm1;  ///< where qkv is int8, with its coding
  BlockLayer qkv;
  BlockLayer proj;
  NormParameters norm2;  ///< where fc1 is int8, with its coding
  BlockLayer fc1;
  BlockLayer fc2;
};

/// Turns weights into layers, one block after the other, and collects the distinct kernels.
class LayerBuilder {
 public:
  /// `wide`: f32 or bf16, of what is not int8.
  LayerBuilder(const dnnl::engine& engine, const EncoderShape& shape, LinearType wide, std::vector<LayerSlot>& slots)
      : engine_(engine), shape_(shape), wide_(wide), slots_(slots) {}

  Layer patch_embedding(const LinearWeights& weights) { return wide_layer(Stage::kPatches, weights); }
  /// `statistics` may be null where nothing is int8.
  BlockLayers block(const BlockWeights& weights, const BlockInt8& int8, const BlockStatistics* statistics);

 private:
  LinearKind kind(Stage stage, LinearType type, const LinearWeights& weights) const;
  Layer wide_layer(Stage stage, const LinearWeights& weights);
  BlockLayer int8_layer(Stage stage, const LinearWeights& weights, const ChannelStatistics& input);
  Layer placed(Stage stage, PackedLinear packed);

  const dnnl::engine& engine_;
  const EncoderShape& shape_;
  const LinearType wide_;
  std::vector<LayerSlot>& slots_;
};

}  // namespace chexworld
