// SPDX-License-Identifier: Apache-2.0
#include "trainer/probe/encode.h"

#include "base/failure.h"
#include "image/prepare.h"
#include "support/temporary_folder.h"
#include "unit/infer/random_bundle.h"
#include "unit/trainer/drawn_films.h"

#include <chexworld/model.h>

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

class EncodeTest : public testing::Test {
 protected:
  EncodeTest() {
    shape_ = small_shape();
    recipe_.size = {int(shape_.image_size), int(shape_.image_size)};
    RandomBundle bundle(shape_, {}, 3);
    bundle.config.preprocessing = to_json(recipe_);
    bundle.write(encoder_);
    bundle.add_head({.kind = BundleHead::Kind::kLinear, .labels = {{"a"}, {"b"}}}, 0.5F, 4);
    bundle.write(with_head_);
  }

  EncodedFilms encoded(const std::string& features, const EncodeOptions& options = {}) const {
    return encode_films(encoder_, archive_, films_, feature_choice_from(features), options);
  }
  /// f32[N,D] of one film by the public model.
  std::vector<float> tokens_of(std::int64_t film) const {
    const std::vector<float> image = prepare(archive_.film(film), recipe_);
    return Model::load(encoder_).value().embed_patches(image, 1, shape_.image_size).value();
  }
  std::size_t width() const { return std::size_t(shape_.width); }

  TemporaryFolder folder_;
  EncoderShape shape_;
  PreparationRecipe recipe_;
  std::filesystem::path encoder_ = folder_ / "encoder.safetensors", with_head_ = folder_ / "head.safetensors";
  Archive archive_ = drawn_archive(folder_ / "archive", 9);
  std::vector<std::int64_t> films_{4, 0, 7};
};

TEST_F(EncodeTest, MeanFeaturesAreTheModelsEmbedding) {
  const EncodedFilms found = encoded("mean", {.batch = 2});
  ASSERT_EQ(found.columns, width());
  const Model model = Model::load(encoder_).value();
  for (std::size_t i = 0; i < films_.size(); ++i) {
    const std::vector<float> expected =
        model.embed(prepare(archive_.film(films_[i]), recipe_), 1, shape_.image_size).value();
    for (std::size_t j = 0; j < width(); ++j) EXPECT_NEAR(found.values[i * width() + j], expected[j], 1e-5);
  }
}

TEST_F(EncodeTest, GridsAreMeansOverFieldsRowByRow) {
  const EncodedFilms found = encoded("grid:2");
  ASSERT_EQ(found.columns, 4 * width());
  const std::vector<float> tokens = tokens_of(films_[1]);  // 4 x 4 patches
  for (std::size_t field = 0; field < 4; ++field)
    for (std::size_t j = 0; j < width(); ++j) {
      double sum = 0;
      for (const std::size_t offset : {0u, 1u, 4u, 5u})
        sum += double(tokens[((field / 2) * 8 + (field % 2) * 2 + offset) * width() + j]);
      EXPECT_NEAR(found.values[found.columns + field * width() + j], sum / 4, 1e-5);
    }
}

TEST_F(EncodeTest, OtherChoicesHoldTheMean) {
  const EncodedFilms mean = encoded("mean"), deviation = encoded("mean+std"), layers = encoded("layers");
  ASSERT_EQ(deviation.columns, 2 * width());
  ASSERT_EQ(layers.columns, std::size_t(shape_.depth) * width());
  for (std::size_t j = 0; j < width(); ++j) {
    EXPECT_NEAR(deviation.values[j], mean.values[j], 1e-5);
    EXPECT_NEAR(layers.values[layers.columns - width() + j], mean.values[j], 1e-5);
  }
}

TEST_F(EncodeTest, FilmsAreEncodedOnce) {
  const EncodeOptions options{.cache = folder_ / "cache"};
  int told = 0;
  const EncodedFilms first = encode_films(encoder_, archive_, films_, {}, options, [&](auto, auto) { ++told; });
  EXPECT_EQ(first.from_cache, 0);
  EXPECT_EQ(told, 1);
  const EncodedFilms again = encode_films(encoder_, archive_, {7, 4, 1}, {}, options, [&](auto done, auto all) {
    EXPECT_EQ(done, 1);
    EXPECT_EQ(all, 1);
  });
  EXPECT_EQ(again.from_cache, 2);
  for (std::size_t j = 0; j < width(); ++j) {
    EXPECT_EQ(again.values[j], first.values[2 * width() + j]);
    EXPECT_EQ(again.values[width() + j], first.values[j]);
  }
  EXPECT_EQ(encode_films(with_head_, archive_, films_, {}, options).from_cache, 0);  // another model
}

TEST_F(EncodeTest, ScoresAreTheHeadOnTheMean) {
  const EncodedFilms scores = score_films(with_head_, archive_, films_, {.batch = 2});
  ASSERT_EQ(scores.columns, 2u);
  ASSERT_EQ(scores.values.size(), 6u);
  const EncodedFilms mean = encoded("mean");
  const Bundle bundle = Bundle::open(with_head_);
  const auto weight = bundle.head().at("head.weight").bytes, bias = bundle.head().at("head.bias").bytes;
  const auto* w = reinterpret_cast<const float*>(weight.data());
  const auto* b = reinterpret_cast<const float*>(bias.data());
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 2; ++k) {
      double logit = double(b[k]);
      for (std::size_t j = 0; j < width(); ++j) logit += double(w[k * width() + j] * mean.values[i * width() + j]);
      EXPECT_NEAR(scores.values[2 * i + k], logit, 1e-4);
    }
}

TEST_F(EncodeTest, WhatCannotBeIsRefused) {
  EXPECT_THROW(encoded("grid:5"), Failure);  // of 4 x 4 patches
  EXPECT_THROW(score_films(encoder_, archive_, films_, {}), Failure);
  for (const char* text : {"", "grid", "grid:0", "grid:x", "grid:-1", "median"})
    EXPECT_THROW(feature_choice_from(text), Failure) << text;
  for (const char* text : {"mean", "mean+std", "layers", "grid:4"}) EXPECT_EQ(text_of(feature_choice_from(text)), text);
}

}  // namespace
}  // namespace chexworld::test
