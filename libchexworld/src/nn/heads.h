// SPDX-License-Identifier: Apache-2.0
//
// Classification on top of the encoder (specification, section 5; reference quirk 34).
#pragma once

#include "nn/encoder.h"

#include <string_view>

namespace chexworld {

enum class HeadKind {
  kLinear,      ///< "fc": mean over tokens, linear. Names head.{weight,bias}
  kNormLinear,  ///< "norm_fc": the encoder's final norm is left out; mean, LayerNorm (eps 1e-5), linear. head.{0,1}.*
  kAttentive,   ///< "attn": one learned query attends to the tokens, MLP, linear. head.{pooler,linear}.*
  kMlp,         ///< "mlp": mean, linear, GELU, linear. head.{fc1,fc2}.*
};

/// fc, norm_fc, attn or mlp; throws Failure(kInvalidArgument) for another name.
HeadKind head_kind(std::string_view name);

struct HeadConfig {
  HeadKind kind = HeadKind::kLinear;
  std::int64_t classes = 1;
  std::int64_t attention_heads = 12;  ///< of the attentive head, whatever the encoder has
  double mlp_ratio = 4;               ///< of the attentive head's MLP; hidden width of the MLP head over D
};

/// f32[B,N,D] -> f32[B,classes].
std::unique_ptr<Layer> make_head(const HeadConfig& config, std::int64_t width);

/// Encoder and head; parameter names feature_model.*, head.*.
class Classifier : public Module {
 public:
  Classifier(const EncoderConfig& encoder, const HeadConfig& head, const StackOptions& stack = {});

  /// Logits f32[B,classes] of images f32[B,C,S,S].
  at::Tensor operator()(const at::Tensor& images) const { return (*head_)(encoder_.tokens(images)); }

  VisionTransformer& encoder() { return encoder_; }
  const VisionTransformer& encoder() const { return encoder_; }

 private:
  VisionTransformer encoder_;
  std::unique_ptr<Layer> head_;
};

/// Mean binary cross-entropy with logits; positives of class c weigh positive_weight[c] (f32[C] or f32[]), 1 where
/// undefined.
at::Tensor cross_entropy_of_labels(const at::Tensor& logits, const at::Tensor& targets,
                                   const at::Tensor& positive_weight = {});

}  // namespace chexworld
