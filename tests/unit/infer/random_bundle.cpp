// SPDX-License-Identifier: Apache-2.0
#include "random_bundle.h"

#include <cmath>
#include <random>
#include <span>

namespace chexworld::test {
namespace {

void fill(std::vector<float>& values, const std::string& name, const WeightSpread& spread, std::mt19937& random) {
  std::normal_distribution<float> normal;
  const bool norm = name.find("norm") != std::string::npos;
  const bool bias = name.ends_with(".bias");
  const bool table = name.ends_with("pos_embed");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float outlier = (norm || table) && i % 50 == 7 ? spread.outliers : 1.0F;
    if (norm)
      values[i] = outlier * ((bias ? 0.0F : 1.0F) + spread.norm * normal(random));
    else if (table)
      values[i] = outlier * 0.7F * normal(random);
    else
      values[i] = (bias ? 0.5F : 1.0F) * spread.linear * normal(random);
  }
}

}  // namespace

RandomBundle::RandomBundle(const EncoderShape& shape, const WeightSpread& spread, unsigned seed) {
  config.encoder = shape;
  std::mt19937 random(seed);
  for (const auto& [name, extents] : encoder_tensors(shape)) {
    std::size_t count = 1;
    for (const std::int64_t extent : extents) count *= std::size_t(extent);
    std::vector<float>& entry = values["encoder." + name];
    entry.resize(count);
    fill(entry, name, spread, random);
    shapes["encoder." + name] = extents;
  }
}

void RandomBundle::add_head(const BundleHead& head, float spread, unsigned seed) {
  config.head = head;
  if (head.kind == BundleHead::Kind::kNormLinear) {
    for (const char* name : {"encoder.norm.weight", "encoder.norm.bias"}) {
      values.erase(name);
      shapes.erase(name);
    }
  }
  std::mt19937 random(seed);
  for (const auto& [name, extents] : head_tensors(head, config.encoder.width)) {
    std::size_t count = 1;
    for (const std::int64_t extent : extents) count *= std::size_t(extent);
    values[name].resize(count);
    fill(values[name], name, {.linear = spread, .norm = spread}, random);
    shapes[name] = extents;
  }
}

std::vector<std::int64_t> RandomBundle::shape_of(const std::string& name) const { return shapes.at(name); }

void RandomBundle::write(const std::filesystem::path& path) const {
  TensorMap tensors;
  for (const auto& [name, entry] : values)
    tensors[name] = {DataType::kF32, shapes.at(name), std::as_bytes(std::span(entry))};
  write_bundle(path, config, tensors);
}

std::vector<float> random_images(const EncoderShape& shape, std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> images;
  for (std::int64_t plane = 0; plane < count * shape.channels; ++plane) {
    const float a = normal(random), b = normal(random), c = normal(random), d = normal(random);
    for (std::int64_t y = 0; y < shape.image_size; ++y) {
      for (std::int64_t x = 0; x < shape.image_size; ++x) {
        const float u = float(y) / float(shape.image_size), v = float(x) / float(shape.image_size);
        images.push_back(a * std::sin(9 * u + b) + c * std::cos(7 * v * u + d) + 0.2F * normal(random));
      }
    }
  }
  return images;
}

void add_self_test(RandomBundle& bundle, const std::vector<float>& images, const std::vector<float>& embedding) {
  const EncoderShape& shape = bundle.config.encoder;
  const auto batch = std::int64_t(embedding.size()) / shape.width;
  bundle.values["selftest.input"] = images;
  bundle.shapes["selftest.input"] = {batch, shape.channels, shape.image_size, shape.image_size};
  bundle.values["selftest.embedding"] = embedding;
  bundle.shapes["selftest.embedding"] = {batch, shape.width};
}

EncoderShape small_shape() {
  EncoderShape shape;
  shape.image_size = 32;
  shape.patch_size = 8;
  shape.width = 48;
  shape.depth = 3;
  shape.heads = 3;
  shape.mlp_width = 192;
  return shape;
}

EncoderShape vit_base_shape() { return EncoderShape{}; }

}  // namespace chexworld::test
