// SPDX-License-Identifier: Apache-2.0
#include "infer/block_layers.h"

#include <algorithm>

namespace chexworld {

using Type = dnnl::memory::data_type;

LinearKind LayerBuilder::kind(Stage stage, LinearType type, const LinearWeights& weights) const {
  const bool adds = stage == Stage::kPatches || stage == Stage::kProj || stage == Stage::kFc2;
  LinearKind kind{type, weights.inputs, weights.outputs, Epilogue::kNone, Type::f32};
  if (!adds && wide_ == LinearType::kBf16) kind.output = Type::bf16;
  if (type == LinearType::kInt8) return kind;
  if (adds) kind.epilogue = Epilogue::kAdd;
  if (stage == Stage::kFc1) kind.epilogue = Epilogue::kGelu;
  return kind;
}

Layer LayerBuilder::placed(Stage stage, PackedLinear packed) {
  const LayerSlot slot{stage, packed.kind, packed.weights.get_desc()};
  const auto found = std::find(slots_.begin(), slots_.end(), slot);
  const auto index = std::size_t(found - slots_.begin());
  if (found == slots_.end()) slots_.push_back(slot);
  return {index, std::move(packed)};
}

Layer LayerBuilder::wide_layer(Stage stage, const LinearWeights& weights) {
  return placed(stage, pack(engine_, kind(stage, wide_, weights), weights, shape_.patches()));
}

BlockLayer LayerBuilder::int8_layer(Stage stage, const LinearWeights& weights, const ChannelStatistics& input) {
  BlockLayer made;
  made.coding = balanced_coding(input, weights);
  QuantizedLinear quantized = quantize(weights, made.coding);
  made.layer = placed(stage, pack_int8(engine_, kind(stage, LinearType::kInt8, weights), quantized, shape_.patches()));
  made.bias = std::move(quantized.bias);
  return made;
}

BlockLayers LayerBuilder::block(const BlockWeights& weights, const BlockInt8& int8, const BlockStatistics* statistics) {
  BlockLayers made{weights.norm1, {}, {}, weights.norm2, {}, {}};
  if (int8.attention) {
    made.qkv = int8_layer(Stage::kQkv, weights.qkv, statistics->attention_input);
    made.proj = int8_layer(Stage::kProj, weights.proj, statistics->attention_output);
    made.norm1 = coded_norm(weights.norm1, made.qkv.coding);
  } else {
    made.qkv.layer = wide_layer(Stage::kQkv, weights.qkv);
    made.proj.layer = wide_layer(Stage::kProj, weights.proj);
  }
  if (int8.mlp) {
    made.fc1 = int8_layer(Stage::kFc1, weights.fc1, statistics->mlp_input);
    made.fc2 = int8_layer(Stage::kFc2, weights.fc2, statistics->mlp_hidden);
    made.norm2 = coded_norm(weights.norm2, made.fc1.coding);
  } else {
    made.fc1.layer = wide_layer(Stage::kFc1, weights.fc1);
    made.fc2.layer = wide_layer(Stage::kFc2, weights.fc2);
  }
  return made;
}

}  // namespace chexworld
