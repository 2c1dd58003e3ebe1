// SPDX-License-Identifier: Apache-2.0
//
// Segmentation on top of the encoder: a pyramid of four maps from the tokens, a U-Net decoder (specification,
// section 5; reference quirks 36 and 37).
#pragma once

#include "nn/convolution.h"
#include "nn/segmenter.h"

#include <array>
#include <string_view>

namespace chexworld {

enum class PyramidKind {
  kUnet,   ///< "unet": for patch size 16; nearest upsampling and 3x3 convolutions
  kUnet4,  ///< "unet4": for patch size 8; transposed convolutions
};

/// unet or unet4; throws Failure(kInvalidArgument) for another name.
PyramidKind pyramid_kind(std::string_view name);

struct SegmentationConfig {
  PyramidKind pyramid = PyramidKind::kUnet;
  std::int64_t classes = 1;
  std::int64_t base_channels = 32;
  /// Which layer feeds each pyramid map, finest first; -1 is the last one, after the final norm. The released
  /// builder uses the last one for all.
  std::array<std::int64_t, 4> layers{-1, -1, -1, -1};
};

/// Parameter names feature_model.*, head.{in_encoder,decoders.I.conv_block,out}.*, fpns.I.*.
class SegmentationModel final : public Segmenter {
 public:
  SegmentationModel(const EncoderConfig& encoder, const SegmentationConfig& config, const StackOptions& stack = {});

  /// Logits f32[B,classes,S,S] of images f32[B,3,S,S].
  at::Tensor operator()(const at::Tensor& images) const override;
  /// The four maps, finest first: f32[B,2^(i+1)*base,S/2^(i+1),S/2^(i+1)], i = 0..3.
  std::vector<at::Tensor> pyramid(const at::Tensor& images) const;

  VisionTransformer& encoder() override { return encoder_; }
  const VisionTransformer& encoder() const override { return encoder_; }
  /// Reads the pyramid's inputs from these layers from now on.
  void use_layers(const std::array<std::int64_t, 4>& layers);

 private:
  class Decoder;

  SegmentationConfig config_;
  VisionTransformer encoder_;
  std::shared_ptr<Decoder> decoder_;
  PartList pyramid_parts_;
  std::array<Sequence, 4> pyramid_;
};

/// Dice on probabilities, per image, averaged: 1 - (2 sum(p y) + 1e-5) / (sum p + sum y + 1e-5). Logits and targets
/// f32[B,1,H,W].
at::Tensor dice_loss(const at::Tensor& logits, const at::Tensor& targets);

/// Dice of thresholded predictions (probability > 0.5), f32[B]; 1 where both are empty.
at::Tensor hard_dice(const at::Tensor& logits, const at::Tensor& targets);

}  // namespace chexworld
