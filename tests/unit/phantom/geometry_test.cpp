// SPDX-License-Identifier: Apache-2.0
#include "plain_plan.h"

#include <cmath>
#include <gtest/gtest.h>

namespace chexworld::phantom {
namespace {

Paths paths_of(const FilmPlan& plan) {
  return trace(make_body(plan.anatomy, plan.pose, plan.findings), Beam(plan.pose, plan.anatomy), raster_of(plan));
}

/// Width of the heart over that of the chest from the solids' own outlines, each magnified as its centre is.
double expected_ratio(const FilmPlan& plan) {
  const Body body = make_body(plan.anatomy, plan.pose, plan.findings);
  const Beam beam(plan.pose, plan.anatomy);
  double left = 0, right = 0, chest = 0;
  for (double z = -20; z < 200; z += 0.5) {
    const Ellipse heart = body.heart.at(z), thorax = body.thorax.at(z);
    if (!heart.empty()) {
      left = std::max(left, beam.project({heart.x + heart.a, heart.y, z}).u);
      right = std::min(right, beam.project({heart.x - heart.a, heart.y, z}).u);
    }
    chest = std::max(chest, 2 * beam.project({thorax.a, thorax.y, z}).u);
  }
  return (left - right) / chest;
}

TEST(PhantomGeometry, RayAndProjectionAreInverse) {
  for (const View view : {View::kPA, View::kAP, View::kLateral}) {
    FilmPlan plan = plain_plan(view);
    plan.anatomy.width = 0.93, plan.anatomy.height = 1.05;
    plan.pose.rotation = 0.05, plan.pose.lean = 0.02, plan.pose.offset_mm[0] = 7, plan.pose.offset_mm[1] = -4;
    const Beam beam(plan.pose, plan.anatomy);
    const Point point{35, -20, 190};
    const FilmPoint seen = beam.project(point);
    EXPECT_NEAR(beam.z_at(seen.v, point.x, point.y), point.z, 1e-6);
    const Ray ray = beam.ray_to(seen);
    const double t = ((point.x - ray.x) * ray.dx + (point.y - ray.y) * ray.dy) / (ray.dx * ray.dx + ray.dy * ray.dy);
    EXPECT_NEAR(ray.x + t * ray.dx, point.x, 0.5) << name_of(view);
    EXPECT_NEAR(ray.y + t * ray.dy, point.y, 0.5) << name_of(view);
  }
}

TEST(PhantomGeometry, CardiothoracicRatioIsThatOfTheSolids) {
  for (const double heart : {0.85, 1.0, 1.15, 1.35})
    for (const View view : {View::kPA, View::kAP}) {
      FilmPlan plan = plain_plan(view, 500);
      plan.anatomy.heart = heart;
      EXPECT_NEAR(cardiothoracic_ratio(paths_of(plan)), expected_ratio(plan), 0.012) << heart << " " << name_of(view);
    }
}

TEST(PhantomGeometry, BedsideFilmsEnlargeTheHeart) {
  FilmPlan upright = plain_plan(View::kPA, 500), bedside = plain_plan(View::kAP, 500);
  bedside.pose.focus_to_detector_mm = 1100;
  EXPECT_GT(cardiothoracic_ratio(paths_of(bedside)), cardiothoracic_ratio(paths_of(upright)) + 0.012);
}

TEST(PhantomGeometry, CardiomegalyIsMoreThanHalfTheChest) {
  for (const double extent : {0.0, 0.5, 1.0}) {
    FilmPlan plan = plain_plan();
    plan.findings = {finding_of(FindingKind::kCardiomegaly, kLeft, extent)};
    EXPECT_GT(cardiothoracic_ratio(paths_of(plan)), 0.52) << extent;
  }
  EXPECT_LT(cardiothoracic_ratio(paths_of(plain_plan())), 0.5);
}

double sum(const FloatImage& image) {
  double total = 0;
  for (const float value : image.pixels) total += value;
  return total;
}

TEST(PhantomGeometry, FluidTakesTheRoomOfLungOnItsSide) {
  FilmPlan plan = plain_plan();
  const Paths before = paths_of(plan);
  plan.findings = {finding_of(FindingKind::kEffusion, kRight, 0.6)};
  const Paths after = paths_of(plan);
  EXPECT_EQ(sum(after.lung[1]), sum(before.lung[1]));
  EXPECT_EQ(sum(after.fluid[1]), 0);
  EXPECT_NEAR(sum(after.lung[0]) + sum(after.fluid[0]), sum(before.lung[0]), 1e-3 * sum(before.lung[0]));
  EXPECT_GT(sum(after.fluid[0]), 0.1 * sum(before.lung[0]));
}

TEST(PhantomGeometry, MoreFluidWithMoreExtent) {
  double last = 0;
  for (const double extent : {0.0, 0.3, 0.6, 1.0}) {
    FilmPlan plan = plain_plan();
    plan.findings = {finding_of(FindingKind::kEffusion, kLeft, extent)};
    const double fluid = sum(paths_of(plan).fluid[1]);
    EXPECT_GT(fluid, last);
    last = fluid;
  }
}

TEST(PhantomGeometry, AirOutsideACollapsedLung) {
  FilmPlan plan = plain_plan();
  const Paths before = paths_of(plan);
  plan.findings = {finding_of(FindingKind::kPneumothorax, kLeft, 0.5)};
  const Paths after = paths_of(plan);
  EXPECT_EQ(sum(after.free_air[0]), 0);
  EXPECT_NEAR(sum(after.lung[1]) + sum(after.free_air[1]), sum(before.lung[1]), 1e-3 * sum(before.lung[1]));
  EXPECT_GT(sum(after.free_air[1]), 0.05 * sum(before.lung[1]));
  EXPECT_GT(sum(after.pleura), 0);
}

TEST(PhantomGeometry, LateralFilmsShowBothLungsOverEachOther) {
  const Paths paths = paths_of(plain_plan(View::kLateral));
  double both = 0;
  for (std::size_t i = 0; i < paths.lung[0].pixels.size(); ++i)
    both += paths.lung[0].pixels[i] > 20 && paths.lung[1].pixels[i] > 20;
  EXPECT_GT(both, 0.15 * double(paths.lung[0].pixels.size()));
}

}  // namespace
}  // namespace chexworld::phantom
