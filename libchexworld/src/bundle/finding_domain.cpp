// SPDX-License-Identifier: Apache-2.0
#include "bundle/finding_domain.h"

#include <algorithm>
#include <cstdio>

namespace chexworld {
namespace {

bool among(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool covers(const std::vector<std::string>& views, const std::string& view) {
  if (views.empty() || among(views, view)) return true;
  if (view == "PA" || view == "AP") return among(views, "frontal");
  return view == "frontal" && among(views, "PA") && among(views, "AP");
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

std::optional<Abstention> outside_range(const char* what, const std::optional<BundleDomain::Range>& range,
                                        const std::optional<double>& value) {
  if (!range || !value || (*value >= range->least && *value <= range->most)) return std::nullopt;
  char text[120];
  std::snprintf(text, sizeof text, "the picture's %s is %.3f, the head answers for %.3f to %.3f", what, *value,
                range->least, range->most);
  return Abstention{"tone-outside", text};
}

}  // namespace

std::optional<Abstention> outside_domain(const BundleDomain& domain, const FilmFacts& film) {
  if (!covers(domain.views, film.view))
    return Abstention{"view-outside", (film.view == "unknown" ? "the view is not known" : "the view is " + film.view) +
                                          ", the head was calibrated on " + joined(domain.views)};
  for (const std::string& note : film.quality)
    if (among(domain.refused_quality, note)) return Abstention{"quality-outside", "the picture is marked " + note};
  if (auto outside = outside_range("brightness", domain.brightness, film.brightness)) return outside;
  return outside_range("contrast", domain.contrast, film.contrast);
}

}  // namespace chexworld
