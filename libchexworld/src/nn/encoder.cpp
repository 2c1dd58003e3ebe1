// SPDX-License-Identifier: Apache-2.0
#include "nn/encoder.h"

#include "base/failure.h"
#include "nn/encoder_config.h"
#include "nn/position.h"

namespace chexworld {

/// A convolution whose stride is its kernel: one token per patch.
class VisionTransformer::PatchEmbedding : public Module {
 public:
  explicit PatchEmbedding(const EncoderConfig& config) : projection_(config) { add_part("proj", projection_); }
  at::Tensor operator()(const at::Tensor& images) const { return projection_(images).flatten(2).transpose(1, 2); }

 private:
  class Projection : public Layer {
   public:
    explicit Projection(const EncoderConfig& config) : stride_(config.patch_size) {
      weight_ = add_parameter("weight", at::zeros({config.width, config.channels, stride_, stride_}));
      bias_ = add_parameter("bias", at::zeros({config.width}));
    }
    at::Tensor operator()(const at::Tensor& images) const override {
      return at::conv2d(images, weight_, bias_, at::IntArrayRef({stride_, stride_}));
    }

   protected:
    void draw_own_weights(at::Generator& generator) override {
      draw_normal(weight_, kInitialDeviation, generator);
      bias_.zero_();
    }

   private:
    std::int64_t stride_;
    at::Tensor weight_, bias_;
  };

  Projection projection_;
};

at::Tensor gather_tokens(const at::Tensor& tokens, const at::Tensor& index) {
  return tokens.gather(1, index.unsqueeze(-1).expand({-1, -1, tokens.size(2)}));
}

BlockConfig block_config(const EncoderConfig& config) {
  check(config);
  return {config.width, config.heads, mlp_hidden_width(config.width, config.mlp_ratio), config.qkv_bias,
          config.norm_eps};
}

VisionTransformer::VisionTransformer(const EncoderConfig& config, const EncoderOptions& options)
    : config_(config), blocks_(block_config(config), config.depth, options.stack) {
  pos_embed_ = add_parameter("pos_embed", absolute_position_table(config.width, config.grid()).unsqueeze(0), false);
  patch_embed_ = std::make_shared<PatchEmbedding>(config);
  add_part("patch_embed", *patch_embed_);
  add_part("blocks", blocks_);
  if (!options.final_norm) return;
  norm_.emplace(config.width, config.norm_eps);
  add_part("norm", *norm_);
}

void VisionTransformer::draw_own_weights(at::Generator& /*generator*/) {
  pos_embed_.copy_(absolute_position_table(config_.width, config_.grid()).unsqueeze(0));
}

at::Tensor VisionTransformer::patches(const at::Tensor& images) const {
  const bool fits = images.dim() == 4 && images.size(1) == config_.channels && images.size(2) == images.size(3) &&
                    images.size(2) >= config_.patch_size && images.size(2) % config_.patch_size == 0;
  if (!fits)
    fail(ErrorCode::kInvalidArgument, "encoder: images must be [batch, " + std::to_string(config_.channels) +
                                          ", side, side] with a side divisible by the patch size " +
                                          std::to_string(config_.patch_size));
  return (*patch_embed_)(images);
}

at::Tensor VisionTransformer::position_table(std::int64_t count) const {
  return resize_position_table(pos_embed_, grid_side(count, "images"));
}

at::Tensor VisionTransformer::placed_patches(const at::Tensor& images) const {
  const at::Tensor patch_tokens = patches(images);
  return patch_tokens + position_table(patch_tokens.size(1));
}

at::Tensor VisionTransformer::tokens(const at::Tensor& images) const { return finish(blocks_(placed_patches(images))); }

at::Tensor VisionTransformer::tokens(const at::Tensor& images, const std::vector<at::Tensor>& lists) const {
  const at::Tensor placed = placed_patches(images);
  std::vector<at::Tensor> chosen;
  for (const at::Tensor& list : lists) chosen.push_back(gather_tokens(placed, list));
  return finish(blocks_(chosen.size() == 1 ? chosen[0] : at::cat(chosen)));
}

std::vector<at::Tensor> VisionTransformer::layers(const at::Tensor& images) const {
  std::vector<at::Tensor> outputs = blocks_.each_output(placed_patches(images));
  outputs.back() = finish(outputs.back());
  return outputs;
}

}  // namespace chexworld
