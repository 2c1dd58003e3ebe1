// SPDX-License-Identifier: Apache-2.0
#include "infer/torch_backend.h"

#include "infer/embedding_check.h"
#include "random_bundle.h"
#include "support/temporary_folder.h"

#include <chexworld/engine.h>

#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

class TorchBackendTest : public testing::Test {
 protected:
  TorchBackendTest() {
    use_torch_backend();
    bundle_.add_head({BundleHead::Kind::kLinear, false, {{"a", 0.5, 1, 0}, {"b", 0.5, 2, 1}}}, 0.2F, 3);
    bundle_.write(path_);
  }

  EngineOptions torch(Precision precision) const {
    return {.backend = BackendKind::kTorch, .precision = precision, .threads = 2};
  }

  const EncoderShape shape_ = small_shape();
  RandomBundle bundle_{shape_, {.linear = 0.15F, .norm = 0.3F}, 7};
  const std::vector<float> images_ = random_images(shape_, 3, 8);
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "model.safetensors";
};

TEST_F(TorchBackendTest, EqualsOneDnnInF32) {
  const Engine ours = Engine::load(path_, {.precision = Precision::kF32, .threads = 2}).value();
  const Engine theirs = Engine::load(path_, torch(Precision::kAuto)).value();
  EXPECT_EQ(theirs.facts().precision, Precision::kF32);
  EXPECT_EQ(theirs.facts().instructions, "cpu");
  EXPECT_NE(theirs.facts().backend.find("LibTorch"), std::string::npos);
  const auto a = ours.run(images_, 3, true).value(), b = theirs.run(images_, 3, true).value();
  EXPECT_LT(relative_difference(a.patches, b.patches), 2e-5);
  EXPECT_LT(relative_difference(a.embedding, b.embedding), 2e-5);
  EXPECT_LT(relative_difference(a.findings, b.findings), 2e-5);
}

TEST_F(TorchBackendTest, Bf16StaysNearF32) {
  const auto exact = Engine::load(path_, torch(Precision::kF32)).value().run(images_, 3).value();
  const auto near = Engine::load(path_, torch(Precision::kBf16)).value().run(images_, 3).value();
  const double cosine = least_cosine(near.embedding, exact.embedding, shape_.width);
  EXPECT_GT(cosine, 0.9995);
  EXPECT_LT(cosine, 1 - 1e-9) << "this was f32";
}

TEST_F(TorchBackendTest, ASelfTestThatIsNotReproducedRefusesTheModel) {
  auto embedding = Engine::load(path_, torch(Precision::kF32)).value().run(images_, 3).value().embedding;
  add_self_test(bundle_, images_, embedding);
  bundle_.write(path_);
  EXPECT_TRUE(Engine::load(path_, torch(Precision::kF32)).value().facts().self_test_passed);
  bundle_.values.at("selftest.embedding")[3] += 0.5F;
  bundle_.write(path_);
  const auto refused = Engine::load(path_, torch(Precision::kF32));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kMalformed);
}

TEST_F(TorchBackendTest, WhatItCannotIsRefused) {
  EXPECT_EQ(Engine::load(path_, torch(Precision::kInt8)).error().code(), ErrorCode::kUnsupported);
  EngineOptions options = torch(Precision::kF32);
  options.device = "tpu";
  EXPECT_EQ(Engine::load(path_, options).error().code(), ErrorCode::kInvalidArgument);
  options.backend = BackendKind::kOneDnn;
  options.device = "cuda";
  EXPECT_EQ(Engine::load(path_, options).error().code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace chexworld::test
