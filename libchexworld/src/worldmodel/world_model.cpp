// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/world_model.h"

#include "base/failure.h"

#include <c10/core/GradMode.h>

namespace chexworld {
namespace {

WorldModelConfig fitted(WorldModelConfig config) {
  config.predictor.encoder_width = config.encoder.width;
  config.predictor.grid = config.encoder.grid();
  return config;
}

std::vector<at::Tensor> tensors_of(const Module& module) {
  std::vector<at::Tensor> tensors;
  for (const NamedTensor& parameter : module.parameters()) tensors.push_back(parameter.tensor);
  return tensors;
}

}  // namespace

WorldModel::WorldModel(const WorldModelConfig& config)
    : config_(fitted(config)),
      encoder_(config_.encoder, {config_.encoder_stack, true}),
      target_encoder_(config_.encoder),
      predictor_(config_.predictor, config_.predictor_stack) {
  add_part("encoder", encoder_);
  add_part("target_encoder", target_encoder_);
  add_part("predictor", predictor_);
  target_encoder_.freeze();
}

void WorldModel::copy_encoder_to_target() {
  const c10::NoGradGuard no_gradient;
  at::_foreach_copy_(tensors_of(target_encoder_), tensors_of(encoder_));
}

void WorldModel::update_target(double momentum) {
  const c10::NoGradGuard no_gradient;
  const std::vector<at::Tensor> target = tensors_of(target_encoder_);
  at::_foreach_mul_(target, momentum);
  at::_foreach_add_(target, tensors_of(encoder_), 1 - momentum);
}

at::Tensor WorldModel::target_features(const at::Tensor& images, std::int64_t layers) const {
  if (layers < 1 || layers > config_.encoder.depth)
    fail(ErrorCode::kInvalidArgument, "target features need 1 to " + std::to_string(config_.encoder.depth) +
                                          " layers, not " + std::to_string(layers));
  const c10::NoGradGuard no_gradient;
  at::Tensor features;
  if (layers == 1) {
    features = target_encoder_.tokens(images);
  } else {
    const std::vector<at::Tensor> outputs = target_encoder_.layers(images);
    features = at::stack(at::TensorList(outputs).slice(outputs.size() - std::size_t(layers))).mean(0);
  }
  return at::layer_norm(features, {features.size(2)}, {}, {}, 1e-5);
}

}  // namespace chexworld
