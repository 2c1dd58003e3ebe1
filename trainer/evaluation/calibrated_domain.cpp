// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/calibrated_domain.h"

#include "image/picture_tone.h"
#include "trainer/evaluation/metrics.h"

#include <algorithm>
#include <map>
#include <string>

namespace chexworld {
namespace {

constexpr std::size_t kLeastFilmsOfView = 10;
constexpr std::size_t kLeastFilmsOfRange = 20;
constexpr double kLowest = 0.005, kHighest = 0.995;  // quantiles
constexpr double kMargin = 0.25;                     // of the distance between them

const std::vector<std::string> kRefusedQuality{"near-constant", "extreme-aspect", "polarity-doubtful", "view-doubtful",
                                               "for-processing"};

/// The words of a BundleDomain for the values that archives have.
std::string view_word(const std::string& value) {
  if (value == "PA" || value == "AP" || value == "frontal" || value == "lateral") return value;
  return value == "LL" ? "lateral" : "unknown";
}

std::vector<std::string> views_of(const FilmTable& table, const std::vector<std::int64_t>& films) {
  if (!table.has("view")) return {};
  std::map<std::string, std::size_t> counts;
  for (const std::int64_t film : films) ++counts[view_word(table.value(film, "view"))];
  std::vector<std::string> views;
  for (const auto& [view, count] : counts)
    if (count >= kLeastFilmsOfView) views.push_back(view);
  if (views == std::vector<std::string>{"unknown"}) views.clear();
  return views;
}

BundleDomain::Range range_of(const std::vector<double>& values) {
  const double low = quantile(values, kLowest), high = quantile(values, kHighest);
  const double margin = kMargin * (high - low);
  return {std::clamp(low - margin, 0.0, 1.0), std::clamp(high + margin, 0.0, 1.0)};
}

}  // namespace

BundleDomain calibrated_domain(const FilmTable& table, const std::vector<std::int64_t>& films,
                               PreparationRecipe recipe) {
  BundleDomain domain;
  domain.views = views_of(table, films);
  domain.refused_quality = kRefusedQuality;
  if (films.size() < kLeastFilmsOfRange) return domain;
  recipe.trim = {false, false};  // which the archive has done
  std::vector<double> brightness, contrast;
  for (const std::int64_t film : films) {
    const PictureTone tone = tone_of(prepare(table.archive().film(film), recipe), recipe.normalization);
    brightness.push_back(tone.brightness);
    contrast.push_back(tone.contrast);
  }
  domain.brightness = range_of(brightness);
  domain.contrast = range_of(contrast);
  return domain;
}

}  // namespace chexworld
