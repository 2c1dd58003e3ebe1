// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "image/view_window.h"
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

/// A bright square on a dark film, found again in the view where the window says.
void expect_window_to_fit(const GrayImage& film, const PreparationRecipe& recipe, const PixelRect& bright) {
  const GrayImage view = fitted_view(film, recipe);
  const ViewWindow window = view_window(film, recipe);
  double rows = 0, columns = 0, count = 0;
  for (int y = 0; y < view.height; ++y) {
    for (int x = 0; x < view.width; ++x) {
      if (view.at(y, x) < 200) continue;
      rows += y + 0.5;
      columns += x + 0.5;
      ++count;
    }
  }
  ASSERT_GT(count, 0);
  const double down = (window.top + window.height * rows / count / view.height) * film.height;
  const double across = (window.left + window.width * columns / count / view.width) * film.width;
  EXPECT_NEAR(down, bright.top + bright.height / 2.0, 1.5);
  EXPECT_NEAR(across, bright.left + bright.width / 2.0, 1.5);
}

TEST(ViewWindow, SaysWhereTheViewLiesOnTheFilm) {
  const PixelRect bright{70, 150, 20, 20};
  GrayImage film{300, 160, std::vector<std::uint8_t>(300 * 160, 60)};
  for (int y = 0; y < bright.height; ++y)
    for (int x = 0; x < bright.width; ++x) film.at(bright.top + y, bright.left + x) = 255;
  PreparationRecipe recipe;
  recipe.size = {128, 112};
  expect_window_to_fit(film, recipe, bright);
  recipe.fit = PreparationRecipe::Fit::kLetterbox;
  expect_window_to_fit(film, recipe, bright);
  EXPECT_LT(view_window(film, recipe).top, 0) << "a letterbox reaches beyond a wide film";
  for (int y = 0; y < film.height; ++y)  // a black margin that the recipe trims
    for (int x = 0; x < 40; ++x) film.at(y, x) = 0;
  recipe.trim.black_border = true;
  recipe.fit = PreparationRecipe::Fit::kCenterCrop;
  expect_window_to_fit(film, recipe, bright);
  EXPECT_GT(view_window(film, recipe).left, 40.0 / 300);
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
