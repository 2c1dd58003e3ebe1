// SPDX-License-Identifier: Apache-2.0
//
// Accuracy of bf16 on real radiographs.
#include "image/png.h"
#include "image/prepare.h"
#include "infer/embedding_check.h"
#include "infer/onednn_backend.h"
#include "support/temporary_folder.h"
#include "support/test_data.h"
#include "unit/infer/random_bundle.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

constexpr std::size_t kFilms = 120;

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

  /// Films evenly spread over the manifest, prepared like for inference.
  static void read_films() {
    const auto rows = read_csv(data_dir() / "cxr" / "manifest.csv");
    const std::size_t wanted = std::min(rows.size(), kFilms);
    const PreparationRecipe recipe;
    for (count_ = 0; count_ < wanted; ++count_) {
      const auto film =
          prepare(read_picture(data_dir() / "cxr" / rows[count_ * rows.size() / wanted].at("file")), recipe);
      films_.insert(films_.end(), film.begin(), film.end());
    }
    report_coverage("radiographs", count_, rows.size());
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
  static inline std::size_t count_ = 0;
};

TEST_P(InferFilms, Bf16) {
  if (!processor_has(LinearType::kBf16)) GTEST_SKIP() << "this processor has no bf16 instructions";
  expect_near(embed({.precision = Precision::kBf16}), 0.9995);
}

INSTANTIATE_TEST_SUITE_P(Weights, InferFilms,
                         testing::Values(Spread{"fresh", {}},
                                         Spread{"wide", {.linear = 0.04F, .norm = 0.2F, .outliers = 1}},
                                         Spread{"outliers", {.linear = 0.04F, .norm = 0.2F, .outliers = 8}}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace chexworld::test
