// SPDX-License-Identifier: Apache-2.0
#include <chexworld/engine.h>

#include "plain_encoder.h"
#include "random_bundle.h"
#include "support/temporary_folder.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <thread>

namespace chexworld::test {
namespace {

constexpr double kF32Tolerance = 2e-5;  // of the largest value

class EngineTest : public testing::Test {
 protected:
  Engine load(const RandomBundle& bundle, const EngineOptions& options) {
    bundle.write(folder_ / "model.safetensors");
    return Engine::load(folder_ / "model.safetensors", options).value();
  }

  TemporaryFolder folder_;
  const RandomBundle small_{small_shape(), {.linear = 0.15F, .norm = 0.3F}, 1};
  const EngineOptions f32_{.precision = Precision::kF32, .threads = 2};
};

TEST_F(EngineTest, F32EqualsThePlainEncoder) {
  const Engine engine = load(small_, f32_);
  const auto images = random_images(small_shape(), 3, 2);
  const auto result = engine.run(images, 3, true).value();
  const auto tokens = plain_tokens(small_, images);
  EXPECT_LT(relative_error(result.patches, tokens), kF32Tolerance);
  EXPECT_LT(relative_error(result.embedding, plain_embedding(tokens, small_shape().patches(), 48)), kF32Tolerance);
}

TEST_F(EngineTest, OddShapesEqualThePlainEncoder) {
  EncoderShape shape;
  shape.image_size = 15;  // 3 x 3 patches of 5 pixels, one channel, head width 7
  shape.patch_size = 5;
  shape.channels = 1;
  shape.width = 28;
  shape.heads = 4;
  shape.depth = 2;
  shape.mlp_width = 37;
  shape.qkv_bias = true;
  shape.norm_eps = 1e-3;
  const RandomBundle bundle(shape, {.linear = 0.3F, .norm = 0.3F}, 3);
  const auto images = random_images(shape, 2, 4);
  const auto result = load(bundle, f32_).run(images, 2, true).value();
  EXPECT_LT(relative_error(result.patches, plain_tokens(bundle, images)), kF32Tolerance);
}

TEST_F(EngineTest, NormalizedHasLengthOneAndTheSameDirection) {
  const Engine engine = load(small_, f32_);
  const auto result = engine.run(random_images(small_shape(), 2, 5), 2).value();
  for (std::size_t row = 0; row < 2; ++row) {
    double length = 0, squares = 0;
    for (std::size_t i = row * 48; i < (row + 1) * 48; ++i) {
      length += double(result.normalized[i]) * double(result.normalized[i]);
      squares += double(result.embedding[i]) * double(result.embedding[i]);
    }
    EXPECT_NEAR(length, 1.0, 1e-6);
    EXPECT_NEAR(result.normalized[row * 48], double(result.embedding[row * 48]) / std::sqrt(squares), 1e-6);
  }
}

TEST_F(EngineTest, AnImageDoesNotDependOnItsBatch) {
  EngineOptions options = f32_;
  options.max_batch = 4;  // 7 images: a part of 4 and one of 3
  const Engine engine = load(small_, options);
  const auto images = random_images(small_shape(), 7, 6);
  const auto together = engine.run(images, 7, true).value();
  const std::size_t each = images.size() / 7;
  for (std::size_t i = 0; i < 7; ++i) {
    const auto alone = engine.run(std::span(images).subspan(i * each, each), 1, true).value();
    for (std::size_t k = 0; k < 48; ++k)
      EXPECT_NEAR(alone.embedding[k], together.embedding[i * 48 + k], 2e-5) << "image " << i;
  }
}

TEST_F(EngineTest, OutputsCanBeHadOneByOne) {
  const Engine engine = load(small_, f32_);
  const auto images = random_images(small_shape(), 2, 7);
  const auto all = engine.run(images, 2, true).value();
  std::vector<float> embedding(96), normalized(96), patches(all.patches.size());
  ASSERT_TRUE(engine.run(images, 2, {.embedding = embedding}).ok());
  ASSERT_TRUE(engine.run(images, 2, {.normalized = normalized}).ok());
  ASSERT_TRUE(engine.run(images, 2, {.patches = patches}).ok());
  EXPECT_EQ(embedding, all.embedding);
  EXPECT_EQ(normalized, all.normalized);
  EXPECT_EQ(patches, all.patches);
}

TEST_F(EngineTest, ThreadsAtOnceGetTheSameAsOneAfterTheOther) {
  const Engine engine = load(small_, {.precision = Precision::kF32, .threads = 1});
  constexpr unsigned kThreads = 4;
  std::vector<std::vector<float>> expected(kThreads), found(kThreads);
  for (unsigned t = 0; t < kThreads; ++t)
    expected[t] = engine.run(random_images(small_shape(), t + 1, t), t + 1).value().embedding;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto images = random_images(small_shape(), t + 1, t);
      for (int i = 0; i < 20; ++i) found[t] = engine.run(images, t + 1).value().embedding;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found, expected);
}

TEST_F(EngineTest, TheNumberOfThreadsDoesNotMatter) {
  const auto images = random_images(small_shape(), 2, 8);
  const auto one = load(small_, {.precision = Precision::kF32, .threads = 1}).run(images, 2, true).value();
  const auto three = load(small_, {.precision = Precision::kF32, .threads = 3}).run(images, 2, true).value();
  for (std::size_t i = 0; i < one.patches.size(); ++i) ASSERT_NEAR(one.patches[i], three.patches[i], 2e-5);
}

TEST_F(EngineTest, NoImagesGiveNoEmbeddings) {
  const auto result = load(small_, f32_).run({}, 0, true).value();
  EXPECT_TRUE(result.embedding.empty());
  EXPECT_TRUE(result.patches.empty());
}

TEST_F(EngineTest, WrongSizesAreRefusedAndNamed) {
  const Engine engine = load(small_, f32_);
  const auto images = random_images(small_shape(), 2, 9);
  std::vector<float> embedding(96);
  const auto refused = [&](const Result<void>& result, const std::string& word) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message().find(word), std::string::npos) << result.error().message();
  };
  refused(engine.run(images, 3, {.embedding = embedding}), "images");
  refused(engine.run(images, -1, {.embedding = embedding}), "batch");
  refused(engine.run(images, std::int64_t{1} << 60, {.embedding = embedding}), "batch");
  refused(engine.run(std::span(images).first(100), 1, {.embedding = embedding}), "images");
  refused(engine.run(images, 2, {.embedding = std::span(embedding).first(95)}), "embedding");
  refused(engine.run(images, 2, {.embedding = embedding, .patches = embedding}), "patches");
}

TEST_F(EngineTest, APixelThatIsNotFiniteIsRefusedByTheNumberOfItsImage) {
  const Engine engine = load(small_, f32_);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto images = random_images(small_shape(), 3, 10);
    images[images.size() / 3 * 2 + 5] = bad;
    const auto result = engine.run(images, 3);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message().find("image 2"), std::string::npos) << result.error().message();
  }
}

TEST_F(EngineTest, AModelThatOverflowsSaysSo) {
  RandomBundle bundle = small_;
  for (float& value : bundle.values.at("encoder.blocks.2.mlp.fc2.weight")) value *= 1e38F;
  const auto result = load(bundle, f32_).run(random_images(small_shape(), 1, 11), 1);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnsupported);
}

TEST_F(EngineTest, TellsWhatItIs) {
  const Engine engine = load(small_, f32_);
  const EngineFacts& facts = engine.facts();
  EXPECT_EQ(facts.precision, Precision::kF32);
  EXPECT_EQ(facts.width, 48);
  EXPECT_EQ(facts.patches, 16);
  EXPECT_EQ(facts.image_size, 32);
  EXPECT_EQ(facts.threads, 2);
  EXPECT_FALSE(facts.self_test_passed);
  EXPECT_EQ(facts.backend.substr(0, 6), "oneDNN");
}

TEST_F(EngineTest, OtherSizesResizeTableAndKernel) {
  EngineOptions options = f32_;
  options.image_size = 48;
  EXPECT_EQ(load(small_, options).facts().patches, 36);
  options.patch_size = 4;
  const Engine engine = load(small_, options);
  EXPECT_EQ(engine.facts().patches, 144);
  EncoderShape shape = small_shape();
  shape.image_size = 48;
  EXPECT_TRUE(engine.run(random_images(shape, 1, 12), 1).ok());
  options.image_size = 50;
  small_.write(folder_ / "model.safetensors");
  const auto refused = Engine::load(folder_ / "model.safetensors", options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, AnEncoderWithoutFinalNormIsRunAsItIs) {
  RandomBundle bundle = small_;
  bundle.config.head = BundleHead{.kind = BundleHead::Kind::kNormLinear, .exclusive = false, .labels = {{.name = "a"}}};
  for (const auto& [name, extents] : head_tensors(*bundle.config.head, 48)) {
    bundle.shapes[name] = extents;
    std::size_t count = 1;
    for (const std::int64_t extent : extents) count *= std::size_t(extent);
    bundle.values[name].assign(count, 0.5F);
  }
  bundle.values.erase("encoder.norm.weight");
  bundle.values.erase("encoder.norm.bias");
  const auto images = random_images(small_shape(), 1, 13);
  const auto plain = load(bundle, f32_).run(images, 1, true).value();
  const auto normed = load(small_, f32_).run(images, 1, true).value();
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < 48; ++i) mean += double(plain.patches[i]) / 48;
  for (std::size_t i = 0; i < 48; ++i) squares += std::pow(double(plain.patches[i]) - mean, 2) / 48;
  const double expected = (double(plain.patches[0]) - mean) / std::sqrt(squares + 1e-6) *
                              double(small_.values.at("encoder.norm.weight")[0]) +
                          double(small_.values.at("encoder.norm.bias")[0]);
  EXPECT_NEAR(normed.patches[0], expected, 1e-4);
}

TEST(PrecisionNames, GoBothWays) {
  for (const Precision precision : {Precision::kAuto, Precision::kF32, Precision::kBf16, Precision::kInt8})
    EXPECT_EQ(precision_from(name_of(precision)).value(), precision);
  EXPECT_EQ(precision_from("fp16").error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld::test
