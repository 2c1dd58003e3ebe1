// SPDX-License-Identifier: Apache-2.0
//
// The inference engine against the released encoder (reference item 1); the torch modules have their own test of it.
#include "bundle/bundle.h"
#include "bundle/convert.h"
#include "infer/onednn_backend.h"
#include "reference_item.h"
#include "support/temporary_folder.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <optional>

namespace chexworld::test {
namespace {

constexpr double kTolerance = 2e-5;  // of a tensor's largest value

class InferReference : public testing::Test {
 protected:
  void SetUp() override {
    if (!reference_present()) GTEST_SKIP() << "no reference numbers here (CHEXWORLD_REFERENCE_DIR)";
    item_.emplace("encoder");
    write_reference_bundle();
  }

  std::int64_t size(const char* key) { return item_->json(key).get<std::int64_t>(); }

  void write_reference_bundle() {
    BundleConfig config;
    EncoderShape& shape = config.encoder;
    shape.image_size = size("img_size");
    shape.patch_size = size("patch_size");
    shape.channels = size("in_chans");
    shape.width = size("embed_dim");
    shape.depth = size("depth");
    shape.heads = size("num_heads");
    shape.mlp_width = std::llround(item_->json("mlp_ratio").get<double>() * double(shape.width));
    shape.qkv_bias = item_->json("qkv_bias").get<bool>();
    shape.norm_eps = item_->json("layer_norm_eps").get<double>();
    TensorMap tensors;
    for (const auto& [name, tensor] : item_->tensors()) {
      if (name.starts_with("state/")) tensors["encoder." + name.substr(6)] = tensor;
    }
    write_bundle(path_, config, tensors);
  }

  EmbeddingBatch run(const char* images, const EngineOptions& options) {
    const Engine engine = Engine::load(path_, options).value();
    return engine.run(item_->floats(images), item_->shape(images).at(0), true).value();
  }

  void expect_equal(const std::vector<float>& found, const char* name) {
    const std::vector<float> expected = item_->floats(name);
    ASSERT_EQ(found.size(), expected.size()) << name;
    double difference = 0, largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      difference = std::max(difference, std::abs(double(found[i]) - double(expected[i])));
      largest = std::max(largest, std::abs(double(expected[i])));
    }
    EXPECT_LT(difference, kTolerance * largest) << name;
    std::printf("%-24s differs by %.2g of its largest value\n", name, difference / largest);
  }

  double least_cosine(const std::vector<float>& found, const char* name) {
    const std::vector<float> expected = item_->floats(name);
    const auto width = std::size_t(size("embed_dim"));
    double least = 1;
    for (std::size_t row = 0; row < expected.size(); row += width) {
      double product = 0, a = 0, b = 0;
      for (std::size_t i = row; i < row + width; ++i) {
        product += double(found.at(i)) * double(expected[i]);
        a += double(found[i]) * double(found[i]);
        b += double(expected[i]) * double(expected[i]);
      }
      least = std::min(least, product / std::sqrt(a * b));
    }
    return least;
  }

  std::optional<ReferenceItem> item_;
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "encoder.safetensors";
};

TEST_F(InferReference, F32TokensAndEmbeddings) {
  const EmbeddingBatch found = run("input/images", {.precision = Precision::kF32});
  expect_equal(found.patches, "output/tokens");
  expect_equal(found.embedding, "output/pooled");
}

TEST_F(InferReference, F32AtAnotherSize) {
  const EmbeddingBatch found =
      run("input/images_large", {.precision = Precision::kF32, .image_size = size("large_img_size")});
  expect_equal(found.patches, "output/tokens_large");
  expect_equal(found.embedding, "output/pooled_large");
}

TEST_F(InferReference, Bf16KeepsItsBound) {
  if (!processor_has(LinearType::kBf16)) GTEST_SKIP() << "this processor has no bf16 instructions";
  EXPECT_GE(least_cosine(run("input/images", {.precision = Precision::kBf16}).embedding, "output/pooled"), 0.9995);
}

TEST_F(InferReference, Int8KeepsItsBound) {
  if (!processor_has(LinearType::kInt8)) GTEST_SKIP() << "this processor has no int8 instructions";
  const EmbeddingBatch found =
      run("input/images", {.precision = Precision::kInt8, .calibration_images = item_->floats("input/images")});
  EXPECT_GE(least_cosine(found.embedding, "output/pooled"), 0.995);
}

}  // namespace
}  // namespace chexworld::test
