// SPDX-License-Identifier: Apache-2.0
#include "nn/segmenter.h"

#include "base/failure.h"
#include "nn/position.h"
#include "nn/segmentation.h"

#include <array>

namespace chexworld {
namespace {

constexpr std::pair<DecoderKind, std::string_view> kNames[] = {{DecoderKind::kUnet, "unet"},
                                                               {DecoderKind::kUnet4, "unet4"},
                                                               {DecoderKind::kLinear, "linear"},
                                                               {DecoderKind::kUPerNet, "upernet"}};

/// f32[B,N,D] to f32[B,D,g,g].
at::Tensor as_map(const at::Tensor& tokens) {
  const std::int64_t side = grid_side(tokens.size(1), "segmentation");
  return tokens.transpose(1, 2).unflatten(2, at::IntArrayRef({side, side}));
}

at::Tensor resized_to(const at::Tensor& map, const at::Tensor& like) {
  return at::upsample_bilinear2d(map, {like.size(2), like.size(3)}, false);
}

void add_convolution(Sequence& sequence, std::int64_t in, std::int64_t out, std::int64_t kernel) {
  sequence.then<Convolution>(in, out, kernel, 1, kernel / 2).then<BatchNorm>(out).then<Gelu>();
}

/// Encoder and what all decoders of our own have in common.
class PlainSegmenter : public Segmenter {
 public:
  PlainSegmenter(const EncoderConfig& encoder, const StackOptions& stack) : encoder_(encoder, {stack, true}) {
    add_part("feature_model", encoder_);
  }
  VisionTransformer& encoder() override { return encoder_; }
  const VisionTransformer& encoder() const override { return encoder_; }

 private:
  VisionTransformer encoder_;
};

class LinearSegmenter final : public PlainSegmenter {
 public:
  LinearSegmenter(const EncoderConfig& encoder, const DecoderConfig& config, const StackOptions& stack)
      : PlainSegmenter(encoder, stack), norm_(encoder.width), out_(encoder.width, config.classes, 1, 1, 0) {
    add_part("norm", norm_);
    add_part("out", out_);
  }
  at::Tensor operator()(const at::Tensor& images) const override {
    return resized_to(out_(norm_(as_map(encoder().tokens(images)))), images);
  }

 private:
  BatchNorm norm_;
  Convolution out_;
};

/// Xiao et al., "Unified perceptual parsing for scene understanding", ECCV 2018, on a plain transformer: each of four
/// layers is narrowed first and brought to its scale (4, 2, 1 and 1/2 times the grid) afterwards.
class UPerNetSegmenter final : public PlainSegmenter {
 public:
  UPerNetSegmenter(const EncoderConfig& encoder, const DecoderConfig& config, const StackOptions& stack);
  at::Tensor operator()(const at::Tensor& images) const override {
    std::vector<at::Tensor> maps = scaled_maps(images);
    maps[3] = with_context(maps[3]);
    for (std::size_t i = 3; i > 0; --i) maps[i - 1] = maps[i - 1] + resized_to(maps[i], maps[i - 1]);
    std::vector<at::Tensor> all{smooth_[0](maps[0])};
    for (std::size_t i = 1; i < 4; ++i) all.push_back(resized_to(i < 3 ? smooth_[i](maps[i]) : maps[i], all[0]));
    return resized_to(out_(fuse_(at::cat(all, 1))), images);
  }

 private:
  static constexpr std::array<std::int64_t, 4> kPools{1, 2, 3, 6};  // fields along a side

  std::vector<at::Tensor> scaled_maps(const at::Tensor& images) const {
    const std::vector<at::Tensor> outputs = encoder().layers(images);
    std::vector<at::Tensor> maps;
    for (std::size_t i = 0; i < 4; ++i) maps.push_back(lift_[i](as_map(outputs[(i + 1) * outputs.size() / 4 - 1])));
    maps[3] = at::max_pool2d(maps[3], {2, 2}, {2, 2}, {0, 0}, {1, 1}, true);
    return maps;
  }

  /// The coarsest map with means over larger and larger fields of it.
  at::Tensor with_context(const at::Tensor& map) const {
    std::vector<at::Tensor> all{map};
    for (std::size_t i = 0; i < kPools.size(); ++i)
      all.push_back(resized_to(pool_[i](at::adaptive_avg_pool2d(map, {kPools[i], kPools[i]})), map));
    return context_(at::cat(all, 1));
  }

  PartList lift_parts_, pool_parts_, smooth_parts_;
  std::array<Sequence, 4> lift_, pool_;
  std::array<Sequence, 3> smooth_;
  Sequence context_, fuse_;
  Convolution out_;
};

UPerNetSegmenter::UPerNetSegmenter(const EncoderConfig& encoder, const DecoderConfig& config, const StackOptions& stack)
    : PlainSegmenter(encoder, stack), out_(config.channels, config.classes, 1, 1, 0) {
  const std::int64_t channels = config.channels;
  if (encoder.depth < 4)
    fail(ErrorCode::kInvalidArgument,
         "segmentation: upernet reads four layers, the encoder has " + std::to_string(encoder.depth));
  for (Sequence& lift : lift_) add_convolution(lift, encoder.width, channels, 1);
  lift_[0].then<TransposedConvolution>(channels, channels).then<BatchNorm>(channels).then<Gelu>();
  for (std::size_t i = 0; i < 2; ++i) lift_[i].then<TransposedConvolution>(channels, channels);
  // A single field has one value per channel and film, so that there is nothing to normalise by.
  for (Sequence& pool : pool_) pool.then<Convolution>(channels, channels, 1, 1, 0).then<Gelu>();
  for (Sequence& smooth : smooth_) add_convolution(smooth, channels, channels, 3);
  add_convolution(context_, 5 * channels, channels, 3);
  add_convolution(fuse_, 4 * channels, channels, 3);
  for (std::size_t i = 0; i < 4; ++i) {
    lift_parts_.add_part(std::to_string(i), lift_[i]);
    pool_parts_.add_part(std::to_string(i), pool_[i]);
    if (i < smooth_.size()) smooth_parts_.add_part(std::to_string(i), smooth_[i]);
  }
  add_part("lift", lift_parts_);
  add_part("pool", pool_parts_);
  add_part("context", context_);
  add_part("smooth", smooth_parts_);
  add_part("fuse", fuse_);
  add_part("out", out_);
}

}  // namespace

DecoderKind decoder_kind(std::string_view name) {
  for (const auto& [kind, known] : kNames)
    if (name == known) return kind;
  fail(ErrorCode::kInvalidArgument,
       "no segmentation decoder '" + std::string(name) + "' (there are: unet, unet4, linear, upernet)");
}

std::string_view name_of(DecoderKind kind) { return kNames[std::size_t(kind)].second; }

DecoderKind usual_decoder(const EncoderConfig& encoder) {
  if (encoder.patch_size == 16) return DecoderKind::kUnet;
  return encoder.patch_size == 8 ? DecoderKind::kUnet4 : DecoderKind::kUPerNet;
}

std::unique_ptr<Segmenter> make_segmenter(const EncoderConfig& encoder, const DecoderConfig& config,
                                          const StackOptions& stack) {
  if (config.classes < 1 || config.channels < 1)
    fail(ErrorCode::kInvalidArgument, "segmentation: classes and channels must be positive");
  SegmentationConfig unet;
  unet.pyramid = config.kind == DecoderKind::kUnet4 ? PyramidKind::kUnet4 : PyramidKind::kUnet;
  unet.classes = config.classes;
  unet.base_channels = config.channels;
  switch (config.kind) {
    case DecoderKind::kUnet:
    case DecoderKind::kUnet4: return std::make_unique<SegmentationModel>(encoder, unet, stack);
    case DecoderKind::kLinear: return std::make_unique<LinearSegmenter>(encoder, config, stack);
    case DecoderKind::kUPerNet: return std::make_unique<UPerNetSegmenter>(encoder, config, stack);
  }
  fail(ErrorCode::kInternal, "segmentation: unknown decoder");
}

}  // namespace chexworld
