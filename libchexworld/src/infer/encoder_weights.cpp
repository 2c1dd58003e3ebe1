// SPDX-License-Identifier: Apache-2.0
#include "infer/encoder_weights.h"

#include "base/failure.h"
#include "bundle/convert.h"
#include "infer/bicubic.h"
#include "infer/kernels.h"

namespace chexworld {
namespace {

constexpr std::int64_t kLargestSide = 1 << 14;  // pixels

BlockWeights read_block(const WeightReader& reader, const EncoderShape& shape, std::int64_t index) {
  const std::string name = "encoder.blocks." + std::to_string(index) + ".";
  return {reader.norm(name + "norm1"),
          reader.linear(name + "attn.qkv", shape.width, 3 * shape.width, shape.qkv_bias),
          reader.linear(name + "attn.proj", shape.width, shape.width),
          reader.norm(name + "norm2"),
          reader.linear(name + "mlp.fc1", shape.width, shape.mlp_width),
          reader.linear(name + "mlp.fc2", shape.mlp_width, shape.width)};
}

void require_possible(const EncoderShape& shape) {
  const bool possible = shape.patch_size >= 1 && shape.image_size >= shape.patch_size &&
                        shape.image_size <= kLargestSide && shape.image_size % shape.patch_size == 0;
  if (!possible)
    fail(ErrorCode::kInvalidArgument, "engine: image size " + std::to_string(shape.image_size) +
                                          " is not a multiple of patch size " + std::to_string(shape.patch_size) +
                                          " from 1 to " + std::to_string(kLargestSide));
}

void apply_sizes(EncoderWeights& weights, const SizeOverride& sizes) {
  EncoderShape& shape = weights.shape;
  const EncoderShape before = shape;
  if (sizes.image_size != 0) shape.image_size = sizes.image_size;
  if (sizes.patch_size != 0) shape.patch_size = sizes.patch_size;
  require_possible(shape);
  if (shape.patch_size != before.patch_size) {
    weights.patch_embed.weight = resize_planes(weights.patch_embed.weight, before.patch_size, shape.patch_size);
    weights.patch_embed.inputs = patch_values(shape);
  }
  if (grid_of(shape) != grid_of(before))
    weights.positions = resize_table(weights.positions, grid_of(before), grid_of(shape));
}

}  // namespace

bool WeightReader::has(const std::string& name) const { return bundle_.file().has(name); }

const std::string& WeightReader::origin() const { return bundle_.file().origin(); }

std::vector<float> WeightReader::take(const std::string& name) const {
  std::vector<float> values = to_floats(bundle_.file().at(name));
  if (!all_finite(values.data(), values.size()))
    fail(ErrorCode::kMalformed,
         origin() + ": " + name + " has values that are not finite: the training that wrote it had diverged");
  return values;
}

LinearWeights WeightReader::linear(const std::string& name, std::int64_t inputs, std::int64_t outputs,
                                   bool bias) const {
  return {inputs, outputs, take(name + ".weight"),
          bias ? take(name + ".bias") : std::vector<float>(std::size_t(outputs), 0.0F)};
}

NormParameters WeightReader::norm(const std::string& name) const {
  return {take(name + ".weight"), take(name + ".bias")};
}

EncoderWeights read_encoder(const Bundle& bundle, const SizeOverride& sizes) {
  const WeightReader reader(bundle);
  EncoderWeights weights;
  weights.shape = bundle.config().encoder;
  weights.patch_embed = reader.linear("encoder.patch_embed.proj", patch_values(weights.shape), weights.shape.width);
  weights.positions = reader.take("encoder.pos_embed");
  for (std::int64_t i = 0; i < weights.shape.depth; ++i) weights.blocks.push_back(read_block(reader, weights.shape, i));
  if (reader.has("encoder.norm.weight")) weights.norm = reader.norm("encoder.norm");
  apply_sizes(weights, sizes);
  return weights;
}

std::optional<SelfTest> read_self_test(const Bundle& bundle) {
  const auto stored = bundle.self_test();
  if (!stored) return std::nullopt;
  SelfTest test{stored->input.shape[0], stored->input.shape[2], to_floats(stored->input), to_floats(stored->embedding)};
  if (!all_finite(test.images.data(), test.images.size()) || !all_finite(test.embedding.data(), test.embedding.size()))
    fail(ErrorCode::kMalformed, bundle.file().origin() + ": the self-test has values that are not finite");
  return test;
}

}  // namespace chexworld
