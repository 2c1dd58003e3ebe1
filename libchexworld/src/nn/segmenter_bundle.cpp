// SPDX-License-Identifier: Apache-2.0
#include "nn/segmenter_bundle.h"

#include "base/failure.h"
#include "nn/encoder_config.h"

namespace chexworld {
namespace {

constexpr std::string_view kEncoder = "feature_model.";
constexpr std::string_view kCounter = ".num_batches_tracked";

}  // namespace

State bundle_state(const Segmenter& segmenter) {
  State state;
  for (const NamedTensor& entry : segmenter.state()) {
    if (entry.name.ends_with(kCounter)) continue;
    const bool is_encoder = entry.name.starts_with(kEncoder);
    const std::string name = is_encoder ? "encoder." + entry.name.substr(kEncoder.size()) : "decoder." + entry.name;
    state[name] = entry.tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  }
  return state;
}

std::unique_ptr<Segmenter> read_segmenter(const Bundle& bundle) {
  const std::string& origin = bundle.file().origin();
  const std::optional<BundleDecoder>& decoder = bundle.config().decoder;
  if (!decoder)
    fail(ErrorCode::kNotFound, origin +
                                   " has no segmentation decoder; `chexworld finetune --task segmentation` makes "
                                   "bundles with one");
  return within(origin, [&] {
    const DecoderConfig config{decoder_kind(decoder->kind), std::int64_t(decoder->labels.size()), decoder->channels};
    std::unique_ptr<Segmenter> segmenter = make_segmenter(encoder_config_of(bundle.config().encoder), config);
    State state = state_of(bundle.decoder());
    for (const auto& [name, tensor] : state_of(bundle.encoder())) state[std::string(kEncoder) + name] = tensor;
    LoadReport report = load_matching(*segmenter, state);
    std::erase_if(report.missing, [](const std::string& name) { return name.ends_with(kCounter); });
    if (!report.missing.empty())
      fail(ErrorCode::kMalformed, "the decoder " + decoder->kind + " lacks tensor " + report.missing[0]);
    if (!report.unexpected.empty())
      fail(ErrorCode::kMalformed, "tensor " + report.unexpected[0] + " belongs to no decoder " + decoder->kind);
    segmenter->train(false);
    return segmenter;
  });
}

}  // namespace chexworld
