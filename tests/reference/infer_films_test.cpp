// SPDX-License-Identifier: Apache-2.0
//
// Accuracy of bf16 and int8 on real radiographs; int8 is calibrated on others.
#include "image/png.h"
#include "image/prepare.h"
#include "infer/embedding_check.h"
#include "infer/onednn_backend.h"
#include "support/sanitized.h"
#include "support/temporary_folder.h"
#include "support/test_data.h"
#include "unit/infer/random_bundle.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

constexpr std::size_t kFilms = kSanitized ? 16 : 120;  // what the sanitizers look for needs no statistics
constexpr std::size_t kCalibration = 16;

struct Spread {
  const char* name;
  WeightSpread weights;
};

class InferFilms : public testing::TestWithParam<Spread> {
 protected:
  static void SetUpTestSuite() {
    if (have_data() && films_.empty()) read_films();
  }

  void SetUp() override {
    if (!have_data()) GTEST_SKIP() << "no radiographs here (CHEXWORLD_DATA_DIR)";
    ASSERT_GT(count_, 0U) << "no films";
    RandomBundle(shape(), GetParam().weights, 40).write(path_);
  }

  static EncoderShape shape() { return named_architecture(CHEXWORLD_FILMS_ARCHITECTURE); }

  /// Films evenly spread over the manifest, and others, evenly spread too, to calibrate with.
  static void read_films() {
    const auto rows = read_csv(data_dir() / "cxr" / "manifest.csv");
    ASSERT_GT(rows.size(), 1U) << "too few films";
    count_ = std::min(rows.size() / 2, kFilms);
    std::vector<std::size_t> others;
    for (std::size_t row = 0, next = 0; row < rows.size(); ++row) {
      if (next < count_ && row == next * rows.size() / count_) {
        append(films_, rows[row].at("file"));
        ++next;
      } else {
        others.push_back(row);
      }
    }
    const std::size_t wanted = std::min(others.size(), kCalibration);
    for (std::size_t i = 0; i < wanted; ++i) append(calibration_, rows[others[i * others.size() / wanted]].at("file"));
    report_coverage("radiographs", count_, rows.size());
  }

  static void append(std::vector<float>& films, const std::string& file) {
    const auto film = prepare(read_picture(data_dir() / "cxr" / file), PreparationRecipe{});
    films.insert(films.end(), film.begin(), film.end());
  }

  std::vector<float> embed(const EngineOptions& options) {
    const Engine engine = Engine::load(path_, options).value();
    return engine.run(films_, std::int64_t(count_)).value().embedding;
  }

  void expect_near(const std::vector<float>& found, double bound) {
    const std::vector<float> exact = embed({.precision = Precision::kF32});
    const double least = least_cosine(found, exact, shape().width);
    std::printf("%s, %s: least cosine to f32 %.6f over %zu films\n", CHEXWORLD_FILMS_ARCHITECTURE, GetParam().name,
                least, exact.size() / std::size_t(shape().width));
    EXPECT_GE(least, bound);
    EXPECT_LT(least, 1.0) << "this was f32";
  }

  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "model.safetensors";
  static inline std::vector<float> films_;
  static inline std::vector<float> calibration_;
  static inline std::size_t count_ = 0;
};

TEST_P(InferFilms, Bf16) {
  if (!processor_has(LinearType::kBf16)) GTEST_SKIP() << "this processor has no bf16 instructions";
  expect_near(embed({.precision = Precision::kBf16}), 0.9995);
}

TEST_P(InferFilms, Int8) {
  if (!processor_has(LinearType::kInt8)) GTEST_SKIP() << "this processor has no int8 instructions";
  expect_near(embed({.precision = Precision::kInt8, .calibration_images = calibration_}), 0.995);
}

TEST_P(InferFilms, Int8CalibratedOnOneFilmOnly) {
  if (!processor_has(LinearType::kInt8)) GTEST_SKIP() << "this processor has no int8 instructions";
  const std::vector<float> one(calibration_.begin(), calibration_.begin() + image_values(shape()));
  expect_near(embed({.precision = Precision::kInt8, .calibration_images = one}), 0.995);
}

INSTANTIATE_TEST_SUITE_P(Weights, InferFilms,
                         testing::Values(Spread{"fresh", {}},
                                         Spread{"wide", {.linear = 0.04F, .norm = 0.2F, .outliers = 1}},
                                         Spread{"outliers", {.linear = 0.04F, .norm = 0.2F, .outliers = 8}}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace chexworld::test
