// SPDX-License-Identifier: Apache-2.0
//
// What is pre-trained: encoder, its moving average, predictor (specification, section 1).
#pragma once

#include "nn/encoder.h"
#include "nn/predictor.h"

namespace chexworld {

struct WorldModelConfig {
  EncoderConfig encoder;
  PredictorConfig predictor;
  StackOptions encoder_stack;  ///< the target encoder never drops or recomputes anything
  StackOptions predictor_stack;
};

/// Parameter names: encoder.*, target_encoder.*, predictor.*, as in the published checkpoints.
class WorldModel : public Module {
 public:
  /// The predictor's encoder width and grid are taken from the encoder.
  explicit WorldModel(const WorldModelConfig& config);

  const VisionTransformer& encoder() const { return encoder_; }
  const VisionTransformer& target_encoder() const { return target_encoder_; }
  const Predictor& predictor() const { return predictor_; }
  const WorldModelConfig& config() const { return config_; }

  /// Makes the target encoder a copy of the encoder; to be called after initialise() or after loading an encoder.
  void copy_encoder_to_target();
  /// t *= momentum; t += (1 - momentum) * s, over all parameters, the position table included (quirk 22).
  void update_target(double momentum);

  /// f32[B,N,D] without gradient: mean of the last `layers` outputs (the last one after the final norm), then
  /// LayerNorm over the channels without affine, eps 1e-5 (quirk 8).
  at::Tensor target_features(const at::Tensor& images, std::int64_t layers = 1) const;

 private:
  WorldModelConfig config_;
  VisionTransformer encoder_, target_encoder_;
  Predictor predictor_;
};

}  // namespace chexworld
