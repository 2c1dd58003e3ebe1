// SPDX-License-Identifier: Apache-2.0
#include "nn/encoder_config.h"

#include "base/failure.h"

#include <array>

namespace chexworld {
namespace {

struct Preset {
  std::string_view name;
  std::int64_t width, depth, heads;
  double mlp_ratio;
};

constexpr std::array kPresets{
    Preset{"vit_tiny", 192, 12, 3, 4},   Preset{"vit_small", 384, 12, 6, 4},
    Preset{"vit_base", 768, 12, 12, 4},  Preset{"vit_large", 1024, 24, 16, 4},
    Preset{"vit_huge", 1280, 32, 16, 4}, Preset{"vit_giant", 1408, 40, 16, 48.0 / 11},
};

EncoderConfig preset_config(std::string_view name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    if (preset.name == name) {
      EncoderConfig config;
      config.width = preset.width;
      config.depth = preset.depth;
      config.heads = preset.heads;
      config.mlp_ratio = preset.mlp_ratio;
      return config;
    }
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  fail(ErrorCode::kInvalidArgument, "no architecture '" + std::string(name) + "' (there are: " + known + ")");
}

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

Result<EncoderConfig> EncoderConfig::preset(std::string_view name, std::int64_t image_size, std::int64_t patch_size) {
  return capture([&] {
    EncoderConfig config = preset_config(name);
    config.image_size = image_size;
    config.patch_size = patch_size;
    check(config);
    return config;
  });
}

EncoderConfig encoder_config_from(const Json& json, const std::string& where) {
  ConfigReader reader(json, where);
  const std::string arch = reader.text("arch", "");
  EncoderConfig config = arch.empty() ? EncoderConfig{} : preset_config(arch);
  config.image_size = reader.integer("image_size", config.image_size, {1, kLargest});
  config.patch_size = reader.integer("patch_size", config.patch_size, {1, kLargest});
  config.channels = reader.integer("channels", config.channels, {1, kLargest});
  config.width = reader.integer("width", config.width, {1, kLargest});
  config.depth = reader.integer("depth", config.depth, {1, kLargest});
  config.heads = reader.integer("heads", config.heads, {1, kLargest});
  config.mlp_ratio = reader.number("mlp_ratio", config.mlp_ratio, {1e-3, 64});
  config.qkv_bias = reader.boolean("qkv_bias", config.qkv_bias);
  config.norm_eps = reader.number("norm_eps", config.norm_eps, {1e-12, 1e-1});
  reader.finish();
  within(where, [&] { check(config); });
  return config;
}

Json to_json(const EncoderConfig& config) {
  return {{"image_size", config.image_size}, {"patch_size", config.patch_size}, {"channels", config.channels},
          {"width", config.width},           {"depth", config.depth},           {"heads", config.heads},
          {"mlp_ratio", config.mlp_ratio},   {"qkv_bias", config.qkv_bias},     {"norm_eps", config.norm_eps}};
}

}  // namespace chexworld
