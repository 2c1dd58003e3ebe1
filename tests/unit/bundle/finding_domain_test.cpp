// SPDX-License-Identifier: Apache-2.0
#include "bundle/finding_domain.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using testing::HasSubstr;
using Views = std::vector<std::string>;

std::string reason_of(const BundleDomain& domain, const FilmFacts& film) {
  const auto outside = outside_domain(domain, film);
  EXPECT_TRUE(!outside || !outside->detail.empty());
  return outside ? outside->reason : "";
}

BundleDomain of_views(Views views) {
  BundleDomain domain;
  domain.views = std::move(views);
  return domain;
}

FilmFacts film_of(const std::string& view) {
  FilmFacts film;
  film.view = view;
  return film;
}

TEST(FindingDomain, OfNothingCoversEverything) {
  for (const char* view : {"PA", "AP", "frontal", "lateral", "unknown"}) {
    FilmFacts film = film_of(view);
    film.quality = {"near-constant", "too-small"};
    film.brightness = 0;
    film.contrast = 1;
    EXPECT_EQ(reason_of({}, film), "") << view;
  }
}

TEST(FindingDomain, CoversTheViewsThatItNames) {
  const std::vector<std::pair<Views, Views>> covered{
      {{"PA"}, {"PA"}},
      {{"AP", "PA"}, {"AP", "PA", "frontal"}},
      {{"frontal"}, {"AP", "PA", "frontal"}},
      {{"lateral", "unknown"}, {"lateral", "unknown"}},
  };
  for (const auto& [domain, inside] : covered)
    for (const std::string& view : Views{"PA", "AP", "frontal", "lateral", "unknown"}) {
      const bool is_inside = std::find(inside.begin(), inside.end(), view) != inside.end();
      EXPECT_EQ(reason_of(of_views(domain), film_of(view)), is_inside ? "" : "view-outside")
          << domain[0] << " " << view;
    }
}

TEST(FindingDomain, SaysWhichViewItWas) {
  EXPECT_EQ(outside_domain(of_views({"AP", "PA"}), film_of("lateral"))->detail,
            "the view is lateral, the head was calibrated on AP, PA");
  EXPECT_THAT(outside_domain(of_views({"PA"}), film_of("unknown"))->detail, HasSubstr("the view is not known"));
}

TEST(FindingDomain, RefusesPicturesWithAMark) {
  BundleDomain domain;
  domain.refused_quality = {"near-constant", "polarity-doubtful"};
  FilmFacts film;
  film.quality = {"too-small", "low-contrast"};
  EXPECT_EQ(reason_of(domain, film), "");
  film.quality.emplace_back("polarity-doubtful");
  EXPECT_EQ(outside_domain(domain, film), (Abstention{"quality-outside", "the picture is marked polarity-doubtful"}));
}

TEST(FindingDomain, BoundsBrightnessAndContrastWhereTheyWereMeasured) {
  BundleDomain domain;
  domain.brightness = {0.25, 0.75};
  domain.contrast = {0.125, 0.5};
  FilmFacts film;
  EXPECT_EQ(reason_of(domain, film), "") << "not measured, so not judged";
  film.brightness = 0.25;
  film.contrast = 0.5;
  EXPECT_EQ(reason_of(domain, film), "") << "both ends are inside";
  film.brightness = 0.76;
  EXPECT_EQ(reason_of(domain, film), "tone-outside");
  EXPECT_EQ(outside_domain(domain, film)->detail,
            "the picture's brightness is 0.760, the head answers for 0.250 to 0.750");
  film.brightness = 0.5;
  film.contrast = 0.1;
  EXPECT_THAT(outside_domain(domain, film)->detail, HasSubstr("contrast is 0.100"));
}

}  // namespace
}  // namespace chexworld
