// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/export.h"

#include "bundle/bundle.h"
#include "nn/encoder_config.h"
#include "nn/state.h"
#include "nn/tensor_convert.h"
#include "trainer/run/features.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>

namespace chexworld {
namespace {

State bundle_state(const VisionTransformer& encoder) {
  State state;
  for (const auto& [name, tensor] : encoder.state()) state["encoder." + name] = tensor.detach().cpu().contiguous();
  const EncoderConfig& config = encoder.config();
  at::Generator generator = at::detail::createCPUGenerator(20260301);
  const at::Tensor input = at::randn({1, config.channels, config.image_size, config.image_size}, generator, at::kFloat);
  state["selftest.input"] = input;
  state["selftest.embedding"] = encoder.pooled(input.to(encoder.state().front().tensor.device())).cpu().contiguous();
  return state;
}

}  // namespace

std::string export_encoder(const VisionTransformer& encoder, const std::filesystem::path& path, const TrimOptions& trim,
                           const Json& training) {
  const c10::NoGradGuard no_gradient;
  const State state = bundle_state(encoder);
  TensorMap tensors;
  for (const auto& [name, tensor] : state) tensors[name] = view_of(tensor);
  BundleConfig config;
  config.encoder = encoder_shape_of(encoder.config());
  config.preprocessing = to_json(evaluation_recipe(encoder.config().image_size, trim));
  config.training = training;
  write_bundle(path, config, tensors);
  return Bundle::open(path).model_id();
}

}  // namespace chexworld
