// SPDX-License-Identifier: Apache-2.0
#include "phantom/film.h"

#include "image/film_look.h"
#include "plain_plan.h"

#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>

namespace chexworld::phantom {
namespace {

/// Mean grey inside a rectangle.
double mean_in(const GrayImage& picture, const PixelRect& box) {
  double sum = 0;
  for (int y = box.top; y < box.top + box.height; ++y)
    for (int x = box.left; x < box.left + box.width; ++x) sum += picture.at(y, x);
  return sum / (double(box.height) * box.width);
}

PixelRect middle_of(const PixelRect& box) {
  return {box.top + box.height / 4, box.left + box.width / 4, std::max(1, box.height / 2), std::max(1, box.width / 2)};
}

/// How much brighter the middle of the finding's box is with it than without.
double brightening(FindingKind kind, int side, SeenFinding& seen) {
  FilmPlan plan = plain_plan(View::kPA, 400);
  const GrayImage before = shown(make_film(plan));
  plan.findings = {finding_of(kind, side, 0.7)};
  const Film film = make_film(plan);
  EXPECT_EQ(film.findings.size(), 1U);
  if (film.findings.empty()) return 0;
  seen = film.findings[0];
  return mean_in(shown(film), middle_of(seen.box)) - mean_in(before, middle_of(seen.box));
}

TEST(PhantomFilm, SamePlanSameFilm) {
  FilmPlan plan = plain_plan();
  plan.findings = {finding_of(FindingKind::kConsolidation, kRight, 0.5)};
  const Film one = make_film(plan), other = make_film(plan);
  EXPECT_EQ(one.stored, other.stored);
  plan.seed += 1;
  EXPECT_NE(one.stored, make_film(plan).stored);
}

TEST(PhantomFilm, FindingsAreSeenWhereTheTruthSays) {
  const int half = raster_of(plain_plan(View::kPA, 400)).width / 2;
  for (const FindingKind kind : {FindingKind::kEffusion, FindingKind::kNodule, FindingKind::kConsolidation})
    for (const int side : {kRight, kLeft}) {
      SeenFinding seen;
      EXPECT_GT(brightening(kind, side, seen), 8) << name_of(kind);
      const int centre = seen.box.left + seen.box.width / 2;
      EXPECT_EQ(centre > half, side == kLeft) << name_of(kind);  // the patient's left is to the right
    }
  SeenFinding seen;
  EXPECT_LT(brightening(FindingKind::kPneumothorax, kLeft, seen), -1);
  EXPECT_GT(seen.box.left + seen.box.width / 2, half);
}

double likeness(const FilmPlan& plan) { return look_at(shown(make_film(plan))).chest_likeness; }

// The gate's own drawing of a frontal chest knows nothing of this phantom.
TEST(PhantomFilm, FrontalFilmsLookLikeAChestFromTheFrontAndLateralOnesLess) {
  for (int look = 0; look < kLooks; ++look) {
    FilmPlan plan = plain_plan(View::kPA, 400);
    plan.look = look;
    const double frontal = likeness(plan);
    EXPECT_GT(frontal, 0.7) << look;
    plan.pose.view = View::kAP;
    EXPECT_GT(likeness(plan), 0.7) << look;
    plan.pose.view = View::kLateral;
    EXPECT_LT(likeness(plan), frontal - 0.1) << look;
  }
}

TEST(PhantomFilm, StoredValuesFitTheirBitsAndTheWindowShowsThem) {
  for (int look = 0; look < kLooks; ++look) {
    FilmPlan plan = plain_plan();
    plan.look = look;
    const Film film = make_film(plan);
    EXPECT_EQ(film.stored.size(), std::size_t(film.width) * std::size_t(film.height));
    EXPECT_EQ(std::max(film.width, film.height), 300);
    for (const std::uint16_t value : film.stored) ASSERT_LT(value, 1 << film.bits);
    const GrayImage picture = shown(film);
    EXPECT_GT(look_at(picture).contrast, 0.8);
  }
}

}  // namespace
}  // namespace chexworld::phantom
