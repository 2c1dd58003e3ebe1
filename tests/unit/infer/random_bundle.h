// SPDX-License-Identifier: Apache-2.0
//
// Bundles with random weights, for tests and benchmarks of inference.
#pragma once

#include "bundle/bundle.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace chexworld::test {

/// How random weights are spread. `outliers`: every 50th channel of norms and positions is this many times larger, as
/// in trained transformers, whose activations have a few channels far out.
struct WeightSpread {
  float linear = 0.02F;  ///< standard deviation; biases half of it
  float norm = 0.0F;     ///< of gains around 1 and of shifts around 0
  float outliers = 1.0F;
};

struct RandomBundle {
  BundleConfig config;
  std::map<std::string, std::vector<float>> values;  ///< by full name, "encoder.norm.weight"

  RandomBundle(const EncoderShape& shape, const WeightSpread& spread, unsigned seed);

  /// Random weights for a head, in place of the encoder's final norm where the head has its own.
  void add_head(const BundleHead& head, float spread, unsigned seed);

  void write(const std::filesystem::path& path) const;
  std::vector<std::int64_t> shape_of(const std::string& name) const;

  std::map<std::string, std::vector<std::int64_t>> shapes;
};

/// Smooth pictures with values like normalised radiographs: f32[count,channels,S,S].
std::vector<float> random_images(const EncoderShape& shape, std::int64_t count, unsigned seed);

/// Adds a self-test of these images and their embeddings.
void add_self_test(RandomBundle& bundle, const std::vector<float>& images, const std::vector<float>& embedding);

EncoderShape small_shape();     ///< 4 x 4 patches, width 48, 3 heads, 3 blocks
EncoderShape vit_base_shape();  ///< ViT-B/16 at 224 pixels

}  // namespace chexworld::test
