// SPDX-License-Identifier: Apache-2.0
#include "image/prepare.h"
#include "base/failure.h"
#include "pictures.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using testing::HasSubstr;

std::string refusal_of(const Json& json) {
  const auto result = capture([&] { return recipe_from_json(json, "bundle x"); });
  EXPECT_FALSE(result.ok()) << json;
  return result.ok() ? "" : result.error().message();
}

TEST(PreparationRecipe, SurvivesJson) {
  PreparationRecipe recipe;
  recipe.contrast = {ContrastPolicy::Kind::kPercentile, 2, 1, 98};
  recipe.trim = {true, true};
  recipe.fit = PreparationRecipe::Fit::kLetterbox;
  recipe.size = {300, 288};
  recipe.normalization = {{0.5F, 0.25F, 0.125F}, {0.1F, 0.2F, 0.3F}};
  EXPECT_EQ(recipe_from_json(Json::parse(to_json(recipe).dump()), "x"), recipe);
  EXPECT_EQ(recipe_from_json(Json::object(), "x"), PreparationRecipe());
  EXPECT_THAT(to_json(PreparationRecipe()).dump(), HasSubstr("0.485,0.456,0.406"));
}

TEST(PreparationRecipe, RefusesWhatItCannotFollowAndNamesIt) {
  EXPECT_THAT(refusal_of({{"croop", 224}}), HasSubstr("croop"));
  EXPECT_THAT(refusal_of({{"crop", 300}}), HasSubstr("'resize'"));
  EXPECT_THAT(refusal_of({{"crop", 0}}), HasSubstr("crop"));
  EXPECT_THAT(refusal_of({{"version", 99}}), HasSubstr("version"));
  EXPECT_THAT(refusal_of({{"mean", {1, 2}}}), HasSubstr("mean"));
  EXPECT_THAT(refusal_of({{"std", {0.1, 0.0, 0.1}}}), HasSubstr("std"));
  EXPECT_THAT(refusal_of({{"contrast", {{"policy", "pretty"}}}}), HasSubstr("policy"));
  EXPECT_THAT(refusal_of({{"contrast", {{"low_percent", 99}, {"high_percent", 1}}}}), HasSubstr("low_percent"));
  EXPECT_THAT(refusal_of(Json::array()), HasSubstr("bundle x"));
}

TEST(Prepare, IsTheEvaluationTransformAndNothingElse) {
  const GrayImage film = test::textured(130, 90);
  PreparationRecipe recipe;
  recipe.size = {64, 56};
  const GrayImage view = evaluation_view(film, recipe.size);
  std::vector<float> expected(3 * view.pixels.size());
  normalize(view, recipe.normalization, expected);
  EXPECT_EQ(prepare(film, recipe), expected);
}

TEST(Prepare, LetterboxKeepsTheWholeFilmInTheMiddleOfBlack) {
  const GrayImage film{40, 20, std::vector<std::uint8_t>(800, 200)};
  PreparationRecipe recipe;
  recipe.fit = PreparationRecipe::Fit::kLetterbox;
  recipe.size.crop = 16;
  const GrayImage view = fitted_view(film, recipe);
  ASSERT_EQ(view.pixels.size(), 256U);
  for (int y = 0; y < 16; ++y) EXPECT_EQ(view.at(y, 3), y >= 4 && y < 12 ? 200 : 0) << y;
  EXPECT_EQ(fitted_view(GrayImage{500, 1, std::vector<std::uint8_t>(500, 9)}, recipe).at(7, 5), 9);
}

TEST(Prepare, TrimsBeforeItResizes) {
  GrayImage film{300, 200, std::vector<std::uint8_t>(60000)};
  for (int y = 0; y < 200; ++y)
    for (int x = 100; x < 300; ++x) film.at(y, x) = std::uint8_t(60 + (x * 7 + y * 3) % 150);
  PreparationRecipe recipe;
  recipe.size = {32, 32};
  recipe.trim.black_border = true;
  EXPECT_EQ(fitted_view(film, recipe).pixels, evaluation_view(crop(film, {0, 100, 200, 200}), recipe.size).pixels);
}

}  // namespace
}  // namespace chexworld
