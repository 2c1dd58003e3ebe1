// SPDX-License-Identifier: Apache-2.0
#include <chexworld/model.h>

#include "base/failure.h"
#include "bundle/bundle.h"
#include "nn/encoder.h"
#include "nn/encoder_config.h"
#include "nn/state.h"

#include <c10/core/InferenceMode.h>

namespace chexworld {
namespace {

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
  explicit Parts(const BundleConfig& config) : encoder(encoder_config_of(config.encoder), encoder_options(config)) {
    encoder.train(false);
    encoder.freeze();
  }

  /// The head "norm_fc" stands in place of the encoder's final norm.
  static EncoderOptions encoder_options(const BundleConfig& config) {
    return {{}, !config.head || config.head->kind != BundleHead::Kind::kNormLinear};
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
    const Bundle file = Bundle::open(bundle);
    auto parts = std::make_unique<Parts>(file.config());
    load_exactly(parts->encoder, state_of(file.encoder()), bundle.string());
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
