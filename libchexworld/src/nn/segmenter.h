// SPDX-License-Identifier: Apache-2.0
//
// An encoder with a decoder that says for every pixel whether it belongs to a region (specification, section 5).
#pragma once

#include "nn/encoder.h"

#include <string_view>

namespace chexworld {

enum class DecoderKind {
  kUnet,     ///< "unet": feature pyramid and U-Net, for patch size 16 (nn/segmentation.h)
  kUnet4,    ///< "unet4": the same for patch size 8
  kLinear,   ///< "linear": normalisation and one linear map per token; what frozen features say by themselves
  kUPerNet,  ///< "upernet": pyramid pooling and a feature pyramid over four layers; any patch size
};

/// Throws Failure(kInvalidArgument) for a name that is none of these.
DecoderKind decoder_kind(std::string_view name);
std::string_view name_of(DecoderKind kind);
/// The U-Net of the encoder's patch size, else UPerNet.
DecoderKind usual_decoder(const EncoderConfig& encoder);

struct DecoderConfig {
  DecoderKind kind = DecoderKind::kUnet;
  std::int64_t classes = 1;
  std::int64_t channels = 32;  ///< of the finest map of a U-Net; of every map of UPerNet
};

/// Parameter names feature_model.* for the encoder; everything else is the decoder.
class Segmenter : public Module {
 public:
  /// Logits f32[B,classes,S,S] of images f32[B,channels,S,S].
  virtual at::Tensor operator()(const at::Tensor& images) const = 0;
  virtual VisionTransformer& encoder() = 0;
  virtual const VisionTransformer& encoder() const = 0;
};

/// Throws Failure(kInvalidArgument) where the decoder does not fit the encoder.
std::unique_ptr<Segmenter> make_segmenter(const EncoderConfig& encoder, const DecoderConfig& config,
                                          const StackOptions& stack = {});

}  // namespace chexworld
