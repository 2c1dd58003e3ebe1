// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/view_batch.h"

#include "base/failure.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace chexworld {
namespace {

GrayImage flat(std::uint8_t value) { return {4, 4, std::vector<std::uint8_t>(16, value)}; }

// Two samples whose every part can be told from every other.
struct TwoSamples {
  std::vector<DualView> views = {{{flat(10), flat(20)}, {flat(30), flat(40)}},
                                 {{flat(50), flat(60)}, {flat(70), flat(80)}}};
  std::vector<DualViewPlan> plans = std::vector<DualViewPlan>(2);
  MaskBatch masks{{{2, 2, {0, 1, 2, 3}}}, {{2, 1, {8, 9}}}};
  std::vector<std::int64_t> shuffle{1, 0};

  TwoSamples() {
    for (std::size_t i = 0; i < 2; ++i) {
      plans[i].film_width = 20;
      plans[i].views[0] = {false, {0, 0, 10, 10}, {1, 1, 1, float(i), 0}};
      plans[i].views[1] = {i == 1, {5, 2, 10, 10}, {2, 1, 1, float(i), 0}};
    }
  }
};

TEST(ViewBatch, PutsEveryPartWhereTheObjectiveLooksForIt) {
  const TwoSamples samples;
  const Normalization plain{{0, 0, 0}, {1, 1, 1}};
  const DualViewBatch batch =
      view_batch(stack_dual_views(samples.views, at::kCPU), samples.plans, samples.masks, samples.shuffle, plain);
  const auto gray = [](const at::Tensor& pictures, int sample) {
    return pictures[sample][2][3][3].item<float>() * 255;
  };
  EXPECT_EQ(batch.view1.sizes(), (at::IntArrayRef{2, 3, 4, 4}));
  EXPECT_NEAR(gray(batch.view1, 1), 50, 1e-4);
  EXPECT_NEAR(gray(batch.view2, 0), 20, 1e-4);
  EXPECT_NEAR(gray(batch.augmented1, 0), 30, 1e-4);
  EXPECT_NEAR(gray(batch.augmented2, 1), 80, 1e-4);
  EXPECT_TRUE(batch.action1.equal(at::tensor({1.F, 1.F, 1.F, 0.F, 0.F, 1.F, 1.F, 1.F, 1.F, 0.F}).view({2, 5})));
  EXPECT_EQ(batch.action2[1][0].item<float>(), 2);
  EXPECT_TRUE(batch.relative_position21.allclose(at::tensor({.5F, .2F, 0.F, 1.8F, .5F, .2F, 1.F, 1.8F}).view({2, 4})));
  EXPECT_TRUE(batch.relative_position12[0].allclose(at::tensor({-.5F, -.2F, 0.F, 1.8F})));
  EXPECT_TRUE(batch.context_positions1.equal(at::tensor({0, 1, 2, 3}, at::kLong).view({2, 2})));
  EXPECT_TRUE(batch.context_positions2.equal(at::tensor({2, 3, 0, 1}, at::kLong).view({2, 2})));
  EXPECT_TRUE(batch.target_positions1.equal(at::tensor({8, 9}, at::kLong).view({2, 1})));
  EXPECT_TRUE(batch.target_positions2.equal(at::tensor({9, 8}, at::kLong).view({2, 1})));
}

TEST(ViewBatch, RefusesPartsOfDifferentBatches) {
  TwoSamples samples;
  const GrayDualViews gray = stack_dual_views(samples.views, at::kCPU);
  samples.shuffle = {0};
  EXPECT_THROW(view_batch(gray, samples.plans, samples.masks, samples.shuffle, {}), Failure);
  EXPECT_THROW(view_batch(gray, samples.plans, {}, std::vector<std::int64_t>{0, 1}, {}), Failure);
  samples.views[1].views[0] = {2, 2, {1, 2, 3, 4}};
  EXPECT_THROW(stack_dual_views(samples.views, at::kCPU), Failure);
}

}  // namespace
}  // namespace chexworld
