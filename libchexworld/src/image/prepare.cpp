// SPDX-License-Identifier: Apache-2.0
#include "image/prepare.h"

#include "base/failure.h"
#include "image/view_window.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

namespace chexworld {
namespace {

using Contrast = ContrastPolicy::Kind;
using Fit = PreparationRecipe::Fit;

constexpr std::array<std::pair<Contrast, const char*>, 3> kContrastNames{
    {{Contrast::kAsStored, "as-stored"}, {Contrast::kRange, "range"}, {Contrast::kPercentile, "percentile"}}};
constexpr std::array<std::pair<Fit, const char*>, 2> kFitNames{
    {{Fit::kCenterCrop, "center-crop"}, {Fit::kLetterbox, "letterbox"}}};
constexpr int kLargestSide = 4096;

template <class Value, std::size_t N>
const char* name_in(const std::array<std::pair<Value, const char*>, N>& names, Value value) {
  return std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.first == value; })->second;
}

template <class Value, std::size_t N>
Value read_choice(ConfigReader& reader, const char* key, const std::array<std::pair<Value, const char*>, N>& names,
                  Value fallback) {
  std::vector<std::string> allowed;
  for (const auto& [value, name] : names) allowed.emplace_back(name);
  const std::string found = reader.choice(key, name_in(names, fallback), allowed);
  return std::find_if(names.begin(), names.end(), [&](const auto& entry) { return found == entry.second; })->first;
}

ContrastPolicy read_contrast(ConfigReader reader) {
  ContrastPolicy contrast;
  contrast.kind = read_choice(reader, "policy", kContrastNames, contrast.kind);
  contrast.choice = int(reader.integer("choice", contrast.choice, {0, 1000}));
  contrast.low_percent = reader.number("low_percent", contrast.low_percent, {0, 100});
  contrast.high_percent = reader.number("high_percent", contrast.high_percent, {0, 100});
  reader.finish();
  return contrast;
}

TrimOptions read_trim(ConfigReader reader) {
  TrimOptions trim;
  trim.black_border = reader.boolean("black_border", trim.black_border);
  trim.collimation = reader.boolean("collimation", trim.collimation);
  reader.finish();
  return trim;
}

std::array<float, 3> three_numbers(const Json& json, const char* key, const std::string& where,
                                   std::array<float, 3> fallback) {
  if (!json.contains(key)) return fallback;
  const Json& list = json[key];
  const bool numbers =
      list.is_array() && list.size() == 3 && std::all_of(list.begin(), list.end(), [](const Json& item) {
        return item.is_number() && std::isfinite(item.get<float>());
      });
  if (!numbers) fail(ErrorCode::kInvalidArgument, where + ": '" + key + "' must be a list of three numbers");
  return {list[0].get<float>(), list[1].get<float>(), list[2].get<float>()};
}

/// As few digits as bring the same float back: 0.485, not 0.48500001430511475.
std::array<double, 3> shortest(const std::array<float, 3>& numbers) {
  std::array<double, 3> result{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    char text[32];
    const auto written = std::to_chars(text, std::end(text), numbers[i]);
    std::from_chars(text, written.ptr, result[i]);
  }
  return result;
}

/// Where a picture of `size` comes to lie in the middle of a square whose side is its long side.
PixelRect letterbox_place(PixelSize size, int side) {
  const int longest = std::max(size.width, size.height);
  const auto scaled = [&](int length) { return std::max(1, int(std::lround(double(length) * side / longest))); };
  const int height = scaled(size.height), width = scaled(size.width);
  return {(side - height) / 2, (side - width) / 2, height, width};
}

GrayImage letterboxed(const GrayImage& film, int side) {
  const PixelRect place = letterbox_place({film.height, film.width}, side);
  const GrayImage small = resize(film, PixelSize{place.height, place.width});
  GrayImage square{side, side, std::vector<std::uint8_t>(std::size_t(side) * std::size_t(side))};
  for (int y = 0; y < small.height; ++y)
    std::copy_n(&small.pixels[std::size_t(y) * std::size_t(small.width)], small.width,
                &square.at(place.top + y, place.left));
  return square;
}

/// The part of a picture of `size` that the recipe's square holds, in that picture's pixels.
ViewWindow window_in(PixelSize size, const PreparationRecipe& recipe) {
  const int side = recipe.size.crop;
  if (recipe.fit == Fit::kLetterbox) {
    const PixelRect place = letterbox_place(size, side);
    const double rows = double(size.height) / place.height, columns = double(size.width) / place.width;
    return {-place.top * rows, -place.left * columns, side * rows, side * columns};
  }
  const PixelSize reduced = with_short_side(size, recipe.size.resize);
  const PixelRect square = central_square(reduced, side);
  const double rows = double(size.height) / reduced.height, columns = double(size.width) / reduced.width;
  return {square.top * rows, square.left * columns, side * rows, side * columns};
}

}  // namespace

Json to_json(const PreparationRecipe& recipe) {
  return {{"version", PreparationRecipe::kVersion},
          {"contrast",
           {{"policy", name_in(kContrastNames, recipe.contrast.kind)},
            {"choice", recipe.contrast.choice},
            {"low_percent", recipe.contrast.low_percent},
            {"high_percent", recipe.contrast.high_percent}}},
          {"trim", {{"black_border", recipe.trim.black_border}, {"collimation", recipe.trim.collimation}}},
          {"fit", name_in(kFitNames, recipe.fit)},
          {"resize", recipe.size.resize},
          {"crop", recipe.size.crop},
          {"mean", shortest(recipe.normalization.mean)},
          {"std", shortest(recipe.normalization.deviation)}};
}

PreparationRecipe recipe_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) fail(ErrorCode::kInvalidArgument, where + ": a preparation recipe is a JSON object");
  Json scalars = json;
  scalars.erase("mean");
  scalars.erase("std");
  ConfigReader reader(scalars, where);
  PreparationRecipe recipe;
  reader.integer("version", PreparationRecipe::kVersion, {1, PreparationRecipe::kVersion});
  recipe.contrast = read_contrast(reader.section("contrast"));
  recipe.trim = read_trim(reader.section("trim"));
  recipe.fit = read_choice(reader, "fit", kFitNames, recipe.fit);
  recipe.size.resize = int(reader.integer("resize", recipe.size.resize, {1, kLargestSide}));
  recipe.size.crop = int(reader.integer("crop", recipe.size.crop, {1, kLargestSide}));
  reader.finish();
  recipe.normalization.mean = three_numbers(json, "mean", where, recipe.normalization.mean);
  recipe.normalization.deviation = three_numbers(json, "std", where, recipe.normalization.deviation);
  within(where, [&] { require_possible(recipe); });
  return recipe;
}

void require_possible(const PreparationRecipe& recipe) {
  const auto require = [](bool condition, const char* sentence) {
    if (!condition) fail(ErrorCode::kInvalidArgument, std::string("preparation recipe: ") + sentence);
  };
  require(recipe.size.crop >= 1 && recipe.size.crop <= kLargestSide, "'crop' must be 1 to 4096 pixels");
  require(recipe.fit == Fit::kLetterbox || recipe.size.crop <= recipe.size.resize,
          "'crop' must not exceed 'resize', the short side it is cut from");
  require(recipe.contrast.low_percent < recipe.contrast.high_percent, "'low_percent' must be below 'high_percent'");
  const auto& deviation = recipe.normalization.deviation;
  require(std::all_of(deviation.begin(), deviation.end(), [](float value) { return value > 0; }),
          "'std' must be positive");
}

ViewWindow view_window(const GrayImage& film, const PreparationRecipe& recipe) {
  require_possible(recipe);
  const PixelRect area = content_area(film, recipe.trim);
  const ViewWindow inside = window_in({area.height, area.width}, recipe);
  return {(area.top + inside.top) / film.height, (area.left + inside.left) / film.width, inside.height / film.height,
          inside.width / film.width};
}

GrayImage fitted_view(const GrayImage& film, const PreparationRecipe& recipe) {
  require_possible(recipe);
  const PixelRect area = content_area(film, recipe.trim);
  const bool whole = area.height == film.height && area.width == film.width;
  const GrayImage inner = whole ? GrayImage{} : crop(film, area);
  const GrayImage& picture = whole ? film : inner;
  return recipe.fit == Fit::kLetterbox ? letterboxed(picture, recipe.size.crop) : evaluation_view(picture, recipe.size);
}

std::vector<float> prepare(const GrayImage& film, const PreparationRecipe& recipe) {
  const GrayImage view = fitted_view(film, recipe);
  std::vector<float> input(3 * view.pixels.size());
  normalize(view, recipe.normalization, input);
  return input;
}

}  // namespace chexworld
