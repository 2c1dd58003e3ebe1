// SPDX-License-Identifier: Apache-2.0
#include "trainer/probe/save_head.h"

#include "base/failure.h"
#include "bundle/bundle.h"

namespace chexworld {
namespace {

void require_final_norm(const Bundle& bundle) {
  const BundleConfig& config = bundle.config();
  if (config.head && config.head->kind == BundleHead::Kind::kNormLinear)
    fail(ErrorCode::kInvalidArgument,
         bundle.file().origin() +
             " has a norm_fc head in place of the encoder's final norm: save the head with the bundle "
             "that it was trained from");
}

BundleHead bundle_head(const LabelledFilms& labels, const CalibratedHead& head) {
  BundleHead described;
  described.kind = BundleHead::Kind::kLinear;
  described.exclusive = labels.exclusive;
  for (std::size_t k = 0; k < labels.findings.size(); ++k)
    described.labels.push_back(bundle_label(labels.findings[k], head.calibrations[k], head.thresholds[k]));
  return described;
}

std::vector<float> in_single(const std::vector<double>& values) { return {values.begin(), values.end()}; }

}  // namespace

void require_room_for_head(const std::filesystem::path& bundle) { require_final_norm(Bundle::open(bundle)); }

std::string save_probe_head(const std::filesystem::path& source, const std::filesystem::path& target,
                            const LabelledFilms& labels, const CalibratedHead& head, const Json& training,
                            const Json& evaluation, std::optional<BundleDomain> domain) {
  const Bundle bundle = Bundle::open(source);
  require_final_norm(bundle);
  const LinearClassifier linear = head.head.classifier.unscaled(head.head.standardizer);
  if (std::int64_t(linear.columns) != bundle.config().encoder.width)
    fail(ErrorCode::kInvalidArgument,
         "a head for a bundle needs features of the kind mean: " + std::to_string(linear.columns) +
             " numbers per film are not the encoder's " + std::to_string(bundle.config().encoder.width));
  BundleConfig config = bundle.config();
  config.head = bundle_head(labels, head);
  config.training["head"] = training;
  config.evaluation = evaluation;
  config.domain = std::move(domain);
  const std::vector<float> weights = in_single(linear.weights), biases = in_single(linear.biases);
  TensorMap tensors;
  for (const auto& [name, view] : bundle.file().tensors())
    if (!name.starts_with("head.")) tensors[name] = view;
  const auto outputs = std::int64_t(linear.outputs);
  tensors["head.weight"] = {DataType::kF32, {outputs, std::int64_t(linear.columns)}, std::as_bytes(std::span(weights))};
  tensors["head.bias"] = {DataType::kF32, {outputs}, std::as_bytes(std::span(biases))};
  write_bundle(target, config, tensors);
  return Bundle::open(target).model_id();
}

}  // namespace chexworld
