// SPDX-License-Identifier: Apache-2.0
//
// Precisions below f32: accuracy, calibration, and what "auto" picks.
#include "base/file.h"
#include "infer/onednn_backend.h"
#include "plain_encoder.h"
#include "random_bundle.h"
#include "support/temporary_folder.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

class PrecisionTest : public testing::Test {
 protected:
  PrecisionTest() { bundle_.write(path_); }

  /// Writes the bundle again with a self-test made by its own f32 engine.
  void with_self_test() {
    const auto images = random_images(shape_, 2, 20);
    const auto f32 = Engine::load(path_, {.precision = Precision::kF32, .threads = 1}).value().run(images, 2).value();
    add_self_test(bundle_, images, f32.embedding);
    bundle_.write(path_);
  }

  double cosine_of(const Engine& engine) {
    const auto images = random_images(shape_, 4, 21);
    const auto result = engine.run(images, 4).value();
    return least_row_cosine(
        result.embedding, plain_embedding(plain_tokens(bundle_, images), shape_.patches(), shape_.width), shape_.width);
  }

  const EncoderShape shape_ = small_shape();
  RandomBundle bundle_{shape_, {.linear = 0.1F, .norm = 0.3F, .outliers = 5}, 22};
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "model.safetensors";
};

TEST_F(PrecisionTest, Bf16StaysNearF32OrIsRefused) {
  const auto engine = Engine::load(path_, {.precision = Precision::kBf16, .threads = 1});
  ASSERT_EQ(engine.ok(), processor_has(LinearType::kBf16));
  if (!engine) {
    EXPECT_EQ(engine.error().code(), ErrorCode::kUnsupported);
  } else {
    EXPECT_GT(cosine_of(*engine), 0.9995);
    EXPECT_LT(cosine_of(*engine), 1 - 1e-9) << "this was f32";
  }
}

TEST_F(PrecisionTest, Int8StaysNearF32OrIsRefused) {
  const auto engine = Engine::load(
      path_, {.precision = Precision::kInt8, .calibration_images = random_images(shape_, 4, 23), .threads = 1});
  ASSERT_EQ(engine.ok(), processor_has(LinearType::kInt8));
  if (!engine) return;
  EXPECT_EQ(engine->facts().int8_layers, engine->facts().linear_layers);
  EXPECT_GT(cosine_of(*engine), 0.995);
  EXPECT_LT(cosine_of(*engine), 1 - 1e-7) << "this was not int8";
}

TEST_F(PrecisionTest, Int8NeedsSomethingToCalibrateWith) {
  const auto engine = Engine::load(path_, {.precision = Precision::kInt8, .threads = 1});
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().code(), ErrorCode::kUnsupported);
  with_self_test();
  EXPECT_EQ(Engine::load(path_, {.precision = Precision::kInt8, .threads = 1}).ok(), processor_has(LinearType::kInt8));
}

TEST_F(PrecisionTest, AStoredCalibrationGivesTheSameEngine) {
  if (!processor_has(LinearType::kInt8)) GTEST_SKIP() << "this processor has no int8 instructions";
  const auto images = random_images(shape_, 2, 24);
  const Engine first =
      Engine::load(path_, {.precision = Precision::kInt8, .calibration_images = images, .threads = 1}).value();
  ASSERT_TRUE(first.save_calibration(folder_ / "ranges.safetensors").ok());
  const Engine second =
      Engine::load(path_,
                   {.precision = Precision::kInt8, .calibration_file = folder_ / "ranges.safetensors", .threads = 1})
          .value();
  EXPECT_EQ(first.run(images, 2).value().embedding, second.run(images, 2).value().embedding);
}

TEST_F(PrecisionTest, ACalibrationOfAnotherEncoderIsRefused) {
  if (!processor_has(LinearType::kInt8)) GTEST_SKIP() << "this processor has no int8 instructions";
  EncoderShape other = shape_;
  other.depth = 2;
  RandomBundle(other, {.linear = 0.1F}, 1).write(folder_ / "other.safetensors");
  const Engine engine =
      Engine::load(folder_ / "other.safetensors",
                   {.precision = Precision::kInt8, .calibration_images = random_images(other, 1, 1), .threads = 1})
          .value();
  ASSERT_TRUE(engine.save_calibration(folder_ / "ranges.safetensors").ok());
  const auto refused =
      Engine::load(path_, {.precision = Precision::kInt8, .calibration_file = folder_ / "ranges.safetensors"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kMalformed);
  EXPECT_FALSE(Engine::load(path_, {.precision = Precision::kF32}).value().save_calibration(folder_ / "x").ok());
}

TEST_F(PrecisionTest, SensitiveLayersStayWideUntilTheBoundHolds) {
  if (!processor_has(LinearType::kInt8)) GTEST_SKIP() << "this processor has no int8 instructions";
  EngineOptions options{
      .precision = Precision::kInt8, .calibration_images = random_images(shape_, 2, 25), .threads = 1};
  const double all = *Engine::load(path_, options).value().facts().least_cosine;
  const double wanted = 1 - (1 - all) * 0.8;
  options.least_cosine_int8 = (wanted - 0.25) / 0.75;  // int8 keeps a margin of a quarter
  const Engine engine = Engine::load(path_, options).value();
  EXPECT_GE(*engine.facts().least_cosine, wanted);
  EXPECT_LT(engine.facts().int8_layers, engine.facts().linear_layers);
  EXPECT_GT(engine.facts().int8_layers, 0);
  ASSERT_TRUE(engine.save_calibration(folder_ / "ranges.safetensors").ok());
  options.calibration_images.clear();
  options.calibration_file = folder_ / "ranges.safetensors";
  EXPECT_EQ(Engine::load(path_, options).value().facts().int8_layers, engine.facts().int8_layers);
}

TEST_F(PrecisionTest, Int8IsJudgedOnImagesThatItWasNotCalibratedWith) {
  if (!processor_has(LinearType::kInt8)) GTEST_SKIP() << "this processor has no int8 instructions";
  const auto least = [&](const std::vector<float>& images) {
    const Engine engine =
        Engine::load(
            path_, {.precision = Precision::kInt8, .calibration_images = images, .least_cosine_int8 = 0, .threads = 1})
            .value();
    EXPECT_TRUE(engine.save_calibration(folder_ / "ranges.safetensors").ok());
    return std::pair(*engine.facts().least_cosine, read_file(folder_ / "ranges.safetensors"));
  };
  auto images = random_images(shape_, 2, 27);
  const auto first = least(images);
  std::fill(images.begin() + std::ptrdiff_t(images.size() / 2), images.end(), 0.0F);
  const auto second = least(images);
  EXPECT_EQ(first.second, second.second) << "the second image is not calibrated with";
  EXPECT_NE(first.first, second.first) << "but judges";
}

TEST_F(PrecisionTest, AutoTakesTheBestThatCanBeChecked) {
  const auto chosen = [&](const EngineOptions& options) { return Engine::load(path_, options).value().facts(); };
  EngineOptions options{.threads = 1};
  EXPECT_EQ(chosen(options).precision, Precision::kF32) << "nothing to check with";
  EXPECT_FALSE(chosen(options).remarks.empty());
  with_self_test();
  const Precision wide = processor_has(LinearType::kBf16) ? Precision::kBf16 : Precision::kF32;
  EXPECT_EQ(chosen(options).precision, wide);
  EXPECT_TRUE(chosen(options).self_test_passed);
  options.calibration_images = random_images(shape_, 2, 26);
  EXPECT_EQ(chosen(options).precision, processor_has(LinearType::kInt8) ? Precision::kInt8 : wide);
  options.least_cosine_int8 = 1.0;
  EXPECT_EQ(chosen(options).precision, wide) << "int8 cannot be exact";
  options.least_cosine_bf16 = 1.0;
  EXPECT_EQ(chosen(options).precision, Precision::kF32) << "nor can bf16";
}

TEST_F(PrecisionTest, AMissedBoundIsRefusedWhenAskedFor) {
  if (!processor_has(LinearType::kBf16)) GTEST_SKIP() << "this processor has no bf16 instructions";
  with_self_test();
  const auto engine = Engine::load(path_, {.precision = Precision::kBf16, .least_cosine_bf16 = 1.0, .threads = 1});
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().code(), ErrorCode::kUnsupported);
}

TEST_F(PrecisionTest, ASelfTestThatIsNotReproducedRefusesTheModel) {
  with_self_test();
  bundle_.values.at("selftest.embedding")[3] += 0.1F;
  bundle_.write(path_);
  const auto engine = Engine::load(path_, {.precision = Precision::kF32, .threads = 1});
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().code(), ErrorCode::kMalformed);
  EXPECT_NE(engine.error().message().find("self-test"), std::string::npos);
}

}  // namespace
}  // namespace chexworld::test
