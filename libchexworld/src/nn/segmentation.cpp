// SPDX-License-Identifier: Apache-2.0
#include "nn/segmentation.h"

#include "base/failure.h"
#include "nn/position.h"

namespace chexworld {
namespace {

Sequence& norm_gelu(Sequence& sequence, std::int64_t channels) {
  return sequence.then<BatchNorm>(channels).then<Gelu>();
}

Sequence& conv3(Sequence& sequence, std::int64_t in, std::int64_t out) {
  return norm_gelu(sequence.then<Convolution>(in, out, 3, 1, 1), out);
}

Sequence& conv1(Sequence& sequence, std::int64_t in, std::int64_t out) {
  return norm_gelu(sequence.then<Convolution>(in, out, 1, 1, 0), out);
}

/// Patch size 16: maps at 1/2, 1/4, 1/8 and 1/16 of the image by 3, 2, 1 and 0 doublings.
void build_unet(std::array<Sequence, 4>& maps, std::int64_t width, std::int64_t base) {
  const auto up = [](Sequence& map) -> Sequence& { return map.then<Upsample>(); };
  conv3(up(maps[0]), width, width / 2);
  conv3(up(maps[0]), width / 2, width / 4);
  conv3(up(maps[0]), width / 4, 2 * base);
  conv3(up(maps[1]), width, width / 2);
  conv3(up(maps[1]), width / 2, 4 * base);
  conv3(up(maps[2]), width, 8 * base);
  conv1(maps[3], width, 16 * base);
}

/// Patch size 8: the same four maps by two, one and no doublings, and one halving.
void build_unet4(std::array<Sequence, 4>& maps, std::int64_t width, std::int64_t base) {
  norm_gelu(maps[0].then<TransposedConvolution>(width, width / 2), width / 2);
  maps[0].then<TransposedConvolution>(width / 2, width / 4).then<BatchNorm>(width / 4);  // no activation
  conv1(maps[0], width / 4, 2 * base);
  maps[1].then<TransposedConvolution>(width, width / 2).then<BatchNorm>(width / 2);
  conv1(maps[1], width / 2, 4 * base);
  conv1(maps[2], width, 8 * base);
  maps[3].then<Convolution>(width, 2 * width, 2, 2, 0).then<BatchNorm>(2 * width);
  conv1(maps[3], 2 * width, 16 * base);
}

/// Two 3x3 convolutions plus a 1x1 convolution of the input.
class ResidualBlock : public Layer {
 public:
  ResidualBlock(std::int64_t in, std::int64_t out) : skip_(in, out, 1, 1, 0) {
    conv3(conv_, in, out);
    conv3(conv_, out, out);
    add_part("conv", conv_);
    add_part("skip", skip_);
  }
  at::Tensor operator()(const at::Tensor& input) const override { return conv_(input) + skip_(input); }

 private:
  Sequence conv_;
  Convolution skip_;
};

/// Doubles the coarse map and joins it with the finer one.
class DecoderStage : public Module {
 public:
  DecoderStage(std::int64_t coarse, std::int64_t fine) : block_(coarse + fine, fine) { add_part("conv_block", block_); }
  at::Tensor operator()(const at::Tensor& coarse, const at::Tensor& fine) const {
    return block_(at::cat({upsample_(coarse), fine}, 1));
  }

 private:
  Upsample upsample_;
  ResidualBlock block_;
};

at::Tensor per_image(const at::Tensor& values) { return values.flatten(1).sum(1); }

}  // namespace

class SegmentationModel::Decoder : public Module {
 public:
  Decoder(std::int64_t channels, const SegmentationConfig& config)
      : image_branch_(channels, config.base_channels), out_(config.base_channels, config.classes, 1, 1, 0) {
    add_part("in_encoder", image_branch_);
    add_part("decoders", stage_parts_);
    for (std::int64_t i = 0; i < 4; ++i) {
      stages_.push_back(std::make_unique<DecoderStage>(config.base_channels << (i + 1), config.base_channels << i));
      stage_parts_.add_part(std::to_string(i), *stages_.back());
    }
    add_part("out", out_);
  }

  at::Tensor operator()(const at::Tensor& images, const std::vector<at::Tensor>& maps) const {
    at::Tensor map = maps[3];
    for (std::size_t i = 3; i > 0; --i) map = (*stages_[i])(map, maps[i - 1]);
    return out_((*stages_[0])(map, image_branch_(images)));
  }

 private:
  ResidualBlock image_branch_;
  PartList stage_parts_;
  std::vector<std::unique_ptr<DecoderStage>> stages_;
  Convolution out_;
};

PyramidKind pyramid_kind(std::string_view name) {
  if (name == "unet") return PyramidKind::kUnet;
  if (name == "unet4") return PyramidKind::kUnet4;
  fail(ErrorCode::kInvalidArgument, "no segmentation decoder '" + std::string(name) + "' (there are: unet, unet4)");
}

SegmentationModel::SegmentationModel(const EncoderConfig& encoder, const SegmentationConfig& config,
                                     const StackOptions& stack)
    : config_(config), encoder_(encoder, {stack, true}) {
  const std::int64_t patch = config.pyramid == PyramidKind::kUnet ? 16 : 8;
  if (encoder.patch_size != patch)
    fail(ErrorCode::kInvalidArgument, "segmentation: this decoder is for patch size " + std::to_string(patch) +
                                          ", not " + std::to_string(encoder.patch_size));
  if (config.classes < 1 || config.base_channels < 1)
    fail(ErrorCode::kInvalidArgument, "segmentation: classes and base channels must be positive");
  use_layers(config.layers);
  decoder_ = std::make_shared<Decoder>(encoder.channels, config);
  (config.pyramid == PyramidKind::kUnet ? build_unet : build_unet4)(pyramid_, encoder.width, config.base_channels);
  add_part("feature_model", encoder_);
  add_part("head", *decoder_);
  add_part("fpns", pyramid_parts_);
  for (std::size_t i = 0; i < pyramid_.size(); ++i) pyramid_parts_.add_part(std::to_string(i), pyramid_[i]);
}

void SegmentationModel::use_layers(const std::array<std::int64_t, 4>& layers) {
  for (const std::int64_t layer : layers) {
    if (layer < -1 || layer >= encoder_.config().depth)
      fail(ErrorCode::kInvalidArgument, "segmentation: the encoder has no layer " + std::to_string(layer));
  }
  config_.layers = layers;
}

std::vector<at::Tensor> SegmentationModel::pyramid(const at::Tensor& images) const {
  const std::vector<at::Tensor> outputs = encoder_.layers(images);
  std::vector<at::Tensor> maps;
  for (std::size_t i = 0; i < pyramid_.size(); ++i) {
    const std::int64_t layer = config_.layers[i];
    const at::Tensor& tokens = layer < 0 ? outputs.back() : outputs[std::size_t(layer)];
    const std::int64_t side = grid_side(tokens.size(1), "segmentation");
    maps.push_back(pyramid_[i](tokens.transpose(1, 2).unflatten(2, at::IntArrayRef({side, side}))));
  }
  return maps;
}

at::Tensor SegmentationModel::operator()(const at::Tensor& images) const {
  return (*decoder_)(images, pyramid(images));
}

at::Tensor dice_loss(const at::Tensor& logits, const at::Tensor& targets) {
  constexpr double kSmooth = 1e-5;
  const at::Tensor probability = logits.to(at::kFloat).sigmoid();
  const at::Tensor both = per_image(probability * targets), total = per_image(probability) + per_image(targets);
  return (1 - (2 * both + kSmooth) / (total + kSmooth)).mean();
}

at::Tensor hard_dice(const at::Tensor& logits, const at::Tensor& targets) {
  const at::Tensor found = (logits > 0).to(at::kFloat), wanted = (targets > 0.5).to(at::kFloat);
  const at::Tensor total = per_image(found) + per_image(wanted);
  return at::where(total > 0, 2 * per_image(found * wanted) / total.clamp_min(1), at::ones_like(total));
}

}  // namespace chexworld
