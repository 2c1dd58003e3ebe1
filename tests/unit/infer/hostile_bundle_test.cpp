// SPDX-License-Identifier: Apache-2.0
#include "random_bundle.h"
#include "support/temporary_folder.h"

#include <chexworld/engine.h>

#include <fstream>
#include <gtest/gtest.h>
#include <limits>

namespace chexworld::test {
namespace {

class HostileBundle : public testing::Test {
 protected:
  Error load_error(const EngineOptions& options = {.precision = Precision::kF32}) {
    const auto engine = Engine::load(path_, options);
    return engine ? Error(ErrorCode::kInternal, "was loaded") : engine.error();
  }

  RandomBundle bundle_{small_shape(), {}, 30};
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "model.safetensors";
};

TEST_F(HostileBundle, AMissingFileIsNotFound) { EXPECT_EQ(load_error().code(), ErrorCode::kNotFound); }

TEST_F(HostileBundle, EveryWeightThatIsNotFiniteIsFoundAndNamed) {
  for (const auto& [name, values] : bundle_.values) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      RandomBundle broken = bundle_;
      broken.values.at(name).back() = bad;
      broken.write(path_);
      const Error error = load_error();
      EXPECT_EQ(error.code(), ErrorCode::kMalformed) << name;
      EXPECT_NE(error.message().find(name), std::string::npos) << error.message();
    }
  }
}

TEST_F(HostileBundle, ATruncatedFileIsMalformed) {
  bundle_.write(path_);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 5);
  EXPECT_EQ(load_error().code(), ErrorCode::kMalformed);
}

TEST_F(HostileBundle, SomethingElseIsMalformed) {
  std::ofstream(path_) << "not a bundle at all";
  EXPECT_EQ(load_error().code(), ErrorCode::kMalformed);
}

TEST_F(HostileBundle, ImpossibleOptionsAreRefused) {
  bundle_.write(path_);
  EXPECT_EQ(load_error({.threads = -1}).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({.max_batch = 0}).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({.image_size = -32}).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({.image_size = 1 << 20}).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({.patch_size = 33}).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({.calibration_images = std::vector<float>(7)}).code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld::test
