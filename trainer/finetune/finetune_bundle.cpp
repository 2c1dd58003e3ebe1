// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/finetune_bundle.h"

#include "bundle/bundle.h"
#include "nn/encoder_config.h"
#include "nn/tensor_convert.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>

namespace chexworld {
namespace {

BundleHead::Kind bundle_kind(HeadKind kind) {
  switch (kind) {
    case HeadKind::kLinear: return BundleHead::Kind::kLinear;
    case HeadKind::kNormLinear: return BundleHead::Kind::kNormLinear;
    case HeadKind::kAttentive: return BundleHead::Kind::kAttentive;
    case HeadKind::kMlp: return BundleHead::Kind::kMlp;
  }
  return BundleHead::Kind::kLinear;
}

at::Tensor dense(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU, at::kFloat).contiguous(); }

/// By the names of a bundle.
State bundle_state(const Classifier& classifier) {
  State state;
  for (const NamedTensor& entry : classifier.state()) {
    constexpr std::string_view kEncoder = "feature_model.";
    const bool is_encoder = entry.name.starts_with(kEncoder);
    state[is_encoder ? "encoder." + entry.name.substr(kEncoder.size()) : entry.name] = dense(entry.tensor);
  }
  add_self_test(state, classifier.encoder());
  return state;
}

}  // namespace

void add_self_test(State& state, const VisionTransformer& encoder) {
  const EncoderConfig& config = encoder.config();
  at::Generator generator = at::detail::createCPUGenerator(20260301);
  const at::Tensor input = at::randn({1, config.channels, config.image_size, config.image_size}, generator, at::kFloat);
  state["selftest.input"] = input;
  state["selftest.embedding"] = dense(encoder.pooled(input.to(encoder.state().front().tensor.device())));
}

std::string write_classifier_bundle(const std::filesystem::path& path, const Classifier& classifier,
                                    const HeadConfig& head, const EncoderStart& start, ClassifierCard card) {
  const c10::NoGradGuard no_gradient;
  const State state = bundle_state(classifier);
  TensorMap tensors;
  for (const auto& [name, tensor] : state) tensors[name] = view_of(tensor);
  BundleConfig config;
  config.encoder = encoder_shape_of(classifier.encoder().config());
  config.preprocessing = to_json(start.recipe);
  config.head = std::move(card.head);
  config.head->kind = bundle_kind(head.kind);
  config.head->attention_heads = head.attention_heads;
  config.domain = std::move(card.domain);
  config.evaluation = std::move(card.evaluation);
  config.training = std::move(card.training);
  config.licence = std::move(card.licence);
  write_bundle(path, config, tensors);
  return Bundle::open(path).model_id();
}

}  // namespace chexworld
