// SPDX-License-Identifier: Apache-2.0
//
// The encoder: a vision transformer without class token (specification, section 1).
#pragma once

#include "nn/layers.h"

#include <chexworld/model.h>

#include <optional>

namespace chexworld {

struct EncoderOptions {
  StackOptions stack;
  bool final_norm = true;  ///< false: identity instead, as the head `norm_fc` wants it
};

/// Parameter names: pos_embed (never trained), patch_embed.proj.*, blocks.I.{norm1,attn.qkv,attn.proj,norm2,
/// mlp.fc1,mlp.fc2}.*, norm.*. Images f32[B,C,S,S], S any multiple of the patch size; N patches, row by row.
class VisionTransformer : public Module {
 public:
  explicit VisionTransformer(const EncoderConfig& config, const EncoderOptions& options = {});

  const EncoderConfig& config() const { return config_; }

  /// f32[B,N,D], before the position table.
  at::Tensor patches(const at::Tensor& images) const;
  /// The position table for `count` patches, f32[1,count,D]: resized where the count is another one.
  at::Tensor position_table(std::int64_t count) const;

  /// f32[B,N,D] after the final norm.
  at::Tensor tokens(const at::Tensor& images) const;
  /// Only the patches of each index list i64[B,K]: f32[lists*B,K,D], first all images with list 0.
  /// Patches that are left out are never looked at.
  at::Tensor tokens(const at::Tensor& images, const std::vector<at::Tensor>& lists) const;
  /// The output of every block, f32[B,N,D] each; the last one after the final norm.
  std::vector<at::Tensor> layers(const at::Tensor& images) const;
  /// Mean over tokens(images): f32[B,D].
  at::Tensor pooled(const at::Tensor& images) const { return tokens(images).mean(1); }

 protected:
  void draw_own_weights(at::Generator& generator) override;

 private:
  class PatchEmbedding;
  at::Tensor placed_patches(const at::Tensor& images) const;
  at::Tensor finish(const at::Tensor& tokens) const { return norm_ ? (*norm_)(tokens) : tokens; }

  EncoderConfig config_;
  at::Tensor pos_embed_;
  std::shared_ptr<PatchEmbedding> patch_embed_;
  BlockStack blocks_;
  std::optional<LayerNorm> norm_;
};

/// Rows `index` i64[B,K] of tokens f32[B,N,D]: f32[B,K,D].
at::Tensor gather_tokens(const at::Tensor& tokens, const at::Tensor& index);

/// The block shape that a configuration stands for; checks it.
BlockConfig block_config(const EncoderConfig& config);

}  // namespace chexworld
