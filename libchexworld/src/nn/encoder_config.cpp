// SPDX-License-Identifier: Apache-2.0
#include "nn/encoder_config.h"

#include "base/failure.h"
#include "nn/layers.h"

namespace chexworld {
namespace {

void require_multiple(std::int64_t value, std::int64_t divisor, const std::string& what, const std::string& of_what) {
  if (value % divisor != 0)
    fail(ErrorCode::kInvalidArgument, "encoder: " + what + " " + std::to_string(value) + " is not a multiple of " +
                                          of_what + " " + std::to_string(divisor));
}

constexpr std::int64_t kLargest = 1 << 16;

}  // namespace

void check(const EncoderConfig& config) {
  const auto positive = [](std::int64_t value, const char* what) {
    if (value <= 0 || value > kLargest)
      fail(ErrorCode::kInvalidArgument, std::string("encoder: ") + what + " must be from 1 to " +
                                            std::to_string(kLargest) + ", not " + std::to_string(value));
  };
  positive(config.image_size, "image size");
  positive(config.patch_size, "patch size");
  positive(config.channels, "number of channels");
  positive(config.width, "width");
  positive(config.depth, "depth");
  positive(config.heads, "number of heads");
  if (!(config.mlp_ratio > 0 && config.mlp_ratio <= 64))
    fail(ErrorCode::kInvalidArgument, "encoder: MLP ratio must be above 0 and at most 64");
  if (!(config.norm_eps > 0 && config.norm_eps < 1))
    fail(ErrorCode::kInvalidArgument, "encoder: norm eps must be between 0 and 1");
  require_multiple(config.image_size, config.patch_size, "image size", "patch size");
  require_multiple(config.width, config.heads, "width", "the number of heads");
  require_multiple(config.width, 4, "width", "4 (position table):");
}

EncoderConfig encoder_config_of(const EncoderShape& shape) {
  EncoderConfig config;
  config.image_size = shape.image_size;
  config.patch_size = shape.patch_size;
  config.channels = shape.channels;
  config.width = shape.width;
  config.depth = shape.depth;
  config.heads = shape.heads;
  config.mlp_ratio = double(shape.mlp_width) / double(shape.width);
  config.qkv_bias = shape.qkv_bias;
  config.norm_eps = shape.norm_eps;
  return config;
}

EncoderShape encoder_shape_of(const EncoderConfig& config) {
  EncoderShape shape;
  shape.image_size = config.image_size;
  shape.patch_size = config.patch_size;
  shape.channels = config.channels;
  shape.width = config.width;
  shape.depth = config.depth;
  shape.heads = config.heads;
  shape.mlp_width = mlp_hidden_width(config.width, config.mlp_ratio);
  shape.qkv_bias = config.qkv_bias;
  shape.norm_eps = config.norm_eps;
  return shape;
}

Result<EncoderConfig> EncoderConfig::preset(std::string_view name, std::int64_t image_size, std::int64_t patch_size) {
  return capture([&] {
    EncoderConfig config = encoder_config_of(named_architecture(std::string(name)));
    config.image_size = image_size;
    config.patch_size = patch_size;
    check(config);
    return config;
  });
}

}  // namespace chexworld
