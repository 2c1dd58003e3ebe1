// SPDX-License-Identifier: Apache-2.0
#include <chexworld/model.h>

#include "base/failure.h"
#include "bundle/safetensors.h"
#include "nn/encoder.h"
#include "nn/encoder_config.h"
#include "nn/state.h"

#include <c10/core/InferenceMode.h>

namespace chexworld {
namespace {

EncoderConfig config_of(const SafetensorsFile& file) {
  const auto found = file.metadata().find("chexworld.config");
  if (found == file.metadata().end())
    fail(ErrorCode::kMalformed, file.origin() + ": no model bundle, the metadata entry chexworld.config is missing");
  const Json config = parse_json(found->second, file.origin() + ": chexworld.config");
  if (!config.is_object() || !config.contains("encoder"))
    fail(ErrorCode::kMalformed, file.origin() + ": chexworld.config has no key 'encoder'");
  return encoder_config_from(config.at("encoder"), file.origin() + ": chexworld.config: encoder");
}

std::vector<float> to_vector(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  return {dense.const_data_ptr<float>(), dense.const_data_ptr<float>() + dense.numel()};
}

void require_images(std::size_t count, std::int64_t batch, std::int64_t channels, std::int64_t side) {
  constexpr std::int64_t kLargestSide = 1 << 14;
  const bool sane = batch > 0 && side > 0 && side <= kLargestSide;
  if (!sane || count / std::size_t(channels * side * side) != std::size_t(batch) ||
      count % std::size_t(channels * side * side) != 0)
    fail(ErrorCode::kInvalidArgument, "embedding: " + std::to_string(count) + " numbers are not " +
                                          std::to_string(batch) + " images of " + std::to_string(channels) + " x " +
                                          std::to_string(side) + " x " + std::to_string(side));
}

}  // namespace

struct Model::Parts {
  explicit Parts(const EncoderConfig& config) : encoder(config) {
    encoder.train(false);
    encoder.freeze();
  }

  /// f32[B,N,D]
  at::Tensor tokens(std::span<const float> images, std::int64_t batch, std::int64_t side) const {
    const std::int64_t channels = encoder.config().channels;
    require_images(images.size(), batch, channels, side);
    auto* data = const_cast<float*>(images.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast): only read
    return encoder.tokens(at::from_blob(data, {batch, channels, side, side}));
  }

  VisionTransformer encoder;
};

Model::Model(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

const EncoderConfig& Model::encoder() const { return parts_->encoder.config(); }

Result<Model> Model::load(const std::filesystem::path& bundle) {
  return capture([&] {
    const SafetensorsFile file = SafetensorsFile::open(bundle);
    auto parts = std::make_unique<Parts>(config_of(file));
    load_exactly(parts->encoder, with_prefix(state_of(file.tensors()), "encoder."), file.origin());
    return Model(std::move(parts));
  });
}

Result<std::vector<float>> Model::embed(std::span<const float> images, std::int64_t batch,
                                        std::int64_t image_size) const {
  return capture([&] {
    const c10::InferenceMode inference;
    return to_vector(parts_->tokens(images, batch, image_size).mean(1));
  });
}

Result<std::vector<float>> Model::embed_patches(std::span<const float> images, std::int64_t batch,
                                                std::int64_t image_size) const {
  return capture([&] {
    const c10::InferenceMode inference;
    return to_vector(parts_->tokens(images, batch, image_size));
  });
}

}  // namespace chexworld
