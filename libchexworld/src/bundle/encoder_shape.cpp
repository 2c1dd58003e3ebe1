// SPDX-License-Identifier: Apache-2.0
#include "bundle/encoder_shape.h"

#include "base/failure.h"

#include <array>
#include <cmath>

namespace chexworld {
namespace {

constexpr std::int64_t kLargest = 1 << 16;

struct Size {
  const char* name;
  std::int64_t width, depth, heads, mlp_width;
};

// Specification, section 1; vit_giant has an MLP ratio of 48/11.
constexpr std::array kSizes{Size{"vit_tiny", 192, 12, 3, 768},    Size{"vit_small", 384, 12, 6, 1536},
                            Size{"vit_base", 768, 12, 12, 3072},  Size{"vit_large", 1024, 24, 16, 4096},
                            Size{"vit_huge", 1280, 32, 16, 5120}, Size{"vit_giant", 1408, 40, 16, 6144}};

std::int64_t required(ConfigReader& reader, const std::string& key) {
  if (!reader.has(key)) fail(ErrorCode::kInvalidArgument, "encoder: the key '" + key + "' is missing");
  return reader.integer(key, 0, {1, kLargest});
}

void require(bool condition, const char* sentence) {
  if (!condition) fail(ErrorCode::kInvalidArgument, std::string("encoder: ") + sentence);
}

void add_linear(ShapeMap& tensors, const std::string& name, std::int64_t out, std::int64_t in, bool bias = true) {
  tensors[name + ".weight"] = {out, in};
  if (bias) tensors[name + ".bias"] = {out};
}

void add_norm(ShapeMap& tensors, const std::string& name, std::int64_t width) {
  tensors[name + ".weight"] = {width};
  tensors[name + ".bias"] = {width};
}

}  // namespace

EncoderShape encoder_shape_from(ConfigReader reader) {
  EncoderShape shape;
  shape.image_size = required(reader, "image_size");
  shape.patch_size = required(reader, "patch_size");
  shape.channels = required(reader, "channels");
  shape.width = required(reader, "width");
  shape.depth = required(reader, "depth");
  shape.heads = required(reader, "heads");
  const double ratio = reader.number("mlp_ratio", 4, {1e-3, 64});
  shape.mlp_width = std::llround(ratio * double(shape.width));
  shape.qkv_bias = reader.boolean("qkv_bias", true);
  shape.norm_eps = reader.number("norm_eps", shape.norm_eps, {1e-12, 1e-1});
  reader.finish();
  require(shape.depth <= 1024, "more than 1024 blocks are not possible");
  require(shape.image_size % shape.patch_size == 0, "image_size is not a multiple of patch_size");
  require(shape.width % shape.heads == 0, "width is not a multiple of heads");
  return shape;
}

Json to_json(const EncoderShape& shape) {
  return {{"image_size", shape.image_size},
          {"patch_size", shape.patch_size},
          {"channels", shape.channels},
          {"width", shape.width},
          {"depth", shape.depth},
          {"heads", shape.heads},
          {"mlp_ratio", double(shape.mlp_width) / double(shape.width)},
          {"qkv_bias", shape.qkv_bias},
          {"norm_eps", shape.norm_eps}};
}

ShapeMap encoder_tensors(const EncoderShape& shape) {
  ShapeMap tensors;
  tensors["pos_embed"] = {1, shape.patches(), shape.width};
  tensors["patch_embed.proj.weight"] = {shape.width, shape.channels, shape.patch_size, shape.patch_size};
  tensors["patch_embed.proj.bias"] = {shape.width};
  for (std::int64_t i = 0; i < shape.depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    add_norm(tensors, block + "norm1", shape.width);
    add_linear(tensors, block + "attn.qkv", 3 * shape.width, shape.width, shape.qkv_bias);
    add_linear(tensors, block + "attn.proj", shape.width, shape.width);
    add_norm(tensors, block + "norm2", shape.width);
    add_linear(tensors, block + "mlp.fc1", shape.mlp_width, shape.width);
    add_linear(tensors, block + "mlp.fc2", shape.width, shape.mlp_width);
  }
  add_norm(tensors, "norm", shape.width);
  return tensors;
}

std::string architecture_name(const EncoderShape& shape) {
  for (const Size& size : kSizes) {
    if (size.width == shape.width && size.depth == shape.depth && size.heads == shape.heads &&
        size.mlp_width == shape.mlp_width)
      return size.name;
  }
  return "";
}

EncoderShape named_architecture(const std::string& name) {
  std::string known;
  for (const Size& size : kSizes) {
    if (name == size.name) {
      EncoderShape shape;
      shape.width = size.width;
      shape.depth = size.depth;
      shape.heads = size.heads;
      shape.mlp_width = size.mlp_width;
      return shape;
    }
    known += (known.empty() ? "" : ", ") + std::string(size.name);
  }
  fail(ErrorCode::kInvalidArgument, "there is no architecture '" + name + "' (there are: " + known + ")");
}

std::int64_t usual_heads(std::int64_t width) {
  for (const Size& size : kSizes) {
    if (size.width == width) return size.heads;
  }
  return 0;
}

}  // namespace chexworld
