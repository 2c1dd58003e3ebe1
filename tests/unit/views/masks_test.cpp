// SPDX-License-Identifier: Apache-2.0
#include "views/masks.h"

#include "base/failure.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <numeric>
#include <set>

namespace chexworld {
namespace {

using testing::HasSubstr;

std::string refusal_of(const MaskSettings& settings) {
  const auto result = capture([&] { MaskSampler sampler(settings); });
  return result.ok() ? "no error" : result.error().message();
}

std::set<std::int64_t> covered(const std::vector<std::vector<std::int64_t>>& sets) {
  std::set<std::int64_t> all;
  for (const auto& set : sets) all.insert(set.begin(), set.end());
  return all;
}

void expect_valid(const SampleMasks& masks, const MaskSettings& settings) {
  ASSERT_EQ(int(masks.contexts.size()), settings.contexts);
  ASSERT_EQ(int(masks.targets.size()), settings.merge_targets ? 1 : settings.targets);
  const auto targets = covered(masks.targets);
  for (const auto& context : masks.contexts) {
    ASSERT_GT(int(context.size()), settings.min_keep);
    for (const std::int64_t index : context) ASSERT_FALSE(targets.contains(index));
  }
  for (const auto* sets : {&masks.contexts, &masks.targets}) {
    for (const auto& set : *sets) {
      ASSERT_GT(int(set.size()), settings.min_keep);
      ASSERT_TRUE(std::is_sorted(set.begin(), set.end()));
      ASSERT_EQ(std::adjacent_find(set.begin(), set.end()), set.end());
      ASSERT_GE(set.front(), 0);
      ASSERT_LT(set.back(), std::int64_t(settings.grid_height) * settings.grid_width);
    }
  }
}

MaskSettings drawn_settings(RandomSource& random) {
  const auto range = [&](double least, double most) {
    const double a = uniform_in(random, {least, most});
    const double b = uniform_in(random, {least, most});
    return Range{std::min(a, b), std::max(a, b)};
  };
  MaskSettings settings;
  settings.grid_height = int(random.below(20)) + 1;
  settings.grid_width = int(random.below(20)) + 1;
  settings.target_scale = range(0.01, 0.9);
  settings.context_scale = range(0.1, 1);
  settings.target_aspect = range(0.3, 3);
  settings.context_aspect = range(0.3, 3);
  settings.targets = int(random.below(6)) + 1;
  settings.contexts = int(random.below(3)) + 1;
  settings.merge_targets = random.below(2) == 0;
  settings.min_keep = int(random.below(12));
  return settings;
}

TEST(MaskSampler, EitherRefusesOrDrawsValidMasks) {
  int accepted = 0;
  for (std::uint64_t i = 0; i < 1500; ++i) {
    StreamRandom random({1, 0, i, RandomPurpose::kOther});
    const MaskSettings settings = drawn_settings(random);
    if (refusal_of(settings) != "no error") continue;
    ++accepted;
    const MaskSampler sampler(settings);
    for (int k = 0; k < 20; ++k) {
      ASSERT_NO_FATAL_FAILURE(expect_valid(sampler.draw(sampler.draw_sizes(random), random), settings)) << i;
    }
  }
  EXPECT_GT(accepted, 100);
}

TEST(MaskSampler, RefusesTargetsThatAreTooSmall) {
  MaskSettings settings;
  settings.grid_height = settings.grid_width = 7;
  EXPECT_THAT(refusal_of(settings), HasSubstr("more than min_keep = 10"));
  EXPECT_THAT(refusal_of(settings), HasSubstr("raise the target scale"));
  settings.min_keep = 0;
  settings.target_scale = {0.001, 0.2};  // no patch at all
  EXPECT_THAT(refusal_of(settings), HasSubstr("0 x 0"));
}

TEST(MaskSampler, RefusesTargetsThatLeaveNoContext) {
  MaskSettings settings;
  settings.target_scale = {0.95, 1.0};
  settings.target_aspect = {1, 1};
  EXPECT_THAT(refusal_of(settings), HasSubstr("on a grid of 14 x 14 keeps at most"));
}

TEST(MaskSampler, RefusesNumbersThatCannotBe) {
  const auto refusal_after = [](auto change) {
    MaskSettings settings;
    change(settings);
    return refusal_of(settings);
  };
  EXPECT_THAT(refusal_after([](auto& s) { s.grid_width = 0; }), HasSubstr("grid width"));
  EXPECT_THAT(refusal_after([](auto& s) { s.grid_height = 1 << 30; }), HasSubstr("grid height"));
  EXPECT_THAT(refusal_after([](auto& s) { s.targets = 0; }), HasSubstr("target blocks"));
  EXPECT_THAT(refusal_after([](auto& s) { s.contexts = -1; }), HasSubstr("context blocks"));
  EXPECT_THAT(refusal_after([](auto& s) { s.min_keep = -1; }), HasSubstr("min_keep"));
  EXPECT_THAT(refusal_after([](auto& s) { s.target_scale = {0.3, 0.2}; }), HasSubstr("target scale"));
  EXPECT_THAT(refusal_after([](auto& s) { s.context_scale = {0.5, 1.5}; }), HasSubstr("context scale"));
  EXPECT_THAT(refusal_after([](auto& s) { s.target_aspect = {0, 1}; }), HasSubstr("target aspect"));
}

// Possible only when all sixty targets coincide in a corner, which chance will not do in a lifetime.
TEST(MaskSampler, EndsWhereChanceWouldNot) {
  MaskSettings settings;
  settings.targets = 60;
  settings.target_scale = {0.5, 0.5};
  settings.target_aspect = {1, 1};
  settings.context_scale = {0.5, 0.5};
  settings.min_keep = 63;  // in opposite corners, 64 patches remain
  StreamRandom random({1, 0, 0, RandomPurpose::kMaskPositions});
  const MaskSampler sampler(settings);
  const SampleMasks masks = sampler.draw(sampler.draw_sizes(random), random);
  ASSERT_NO_FATAL_FAILURE(expect_valid(masks, settings));
  EXPECT_EQ(masks.targets[0].front(), 0);
  EXPECT_EQ(masks.contexts[0].back(), 195);
}

TEST(MaskSampler, SizesThatCameFromElsewhereAreChecked) {
  const MaskSampler sampler({});
  StreamRandom random({});
  EXPECT_THROW(sampler.draw({{15, 2}, {14, 14}}, random), Failure);
  EXPECT_THROW(sampler.draw({{5, 5}, {-14, 14}}, random), Failure);
}

TEST(BlockSize, RoundsAndIsCutToTheGrid) {
  EXPECT_EQ(block_size(14, 14, 1.0, 1.0), (BlockSize{14, 14}));
  EXPECT_EQ(block_size(14, 14, 1.0, 4.0), (BlockSize{14, 7}));
  EXPECT_EQ(block_size(14, 14, 0.15, 0.75), (BlockSize{5, 6}));  // 29 patches: sqrt(21.75), sqrt(38.67)
  EXPECT_EQ(block_size(5, 5, 0.25, 24.0 / 6 / 6), (BlockSize{2, 3}));
}

TEST(Batch, IsCutToTheShortestByKeepingTheLowestIndices) {
  const std::vector<SampleMasks> samples = {{{{1, 2, 3}}, {{7, 8}, {9, 10, 11}}},
                                            {{{4, 5}}, {{12, 13, 14}, {15, 16, 17}}}};
  const MaskBatch batch = cut_to_shortest(samples);
  ASSERT_EQ(batch.contexts.size(), 1u);
  EXPECT_EQ(batch.contexts[0], (IndexTable{2, 2, {1, 2, 4, 5}}));
  ASSERT_EQ(batch.targets.size(), 2u);  // all blocks get one common length
  EXPECT_EQ(batch.targets[0], (IndexTable{2, 2, {7, 8, 12, 13}}));
  EXPECT_EQ(batch.targets[1], (IndexTable{2, 2, {9, 10, 15, 16}}));
  EXPECT_THROW(cut_to_shortest({}), Failure);
  EXPECT_THROW(cut_to_shortest(std::vector<SampleMasks>{{{{1}}, {{2}}}, {{{1}}, {{2}, {3}}}}), Failure);
}

TEST(Batch, RowsCanBeReordered) {
  const MaskBatch batch{{{3, 1, {10, 11, 12}}}, {{3, 2, {1, 2, 3, 4, 5, 6}}}};
  const std::vector<std::int64_t> order{2, 0, 1};
  EXPECT_EQ(reordered(batch, order).contexts[0], (IndexTable{3, 1, {12, 10, 11}}));
  EXPECT_EQ(reordered(batch, order).targets[0], (IndexTable{3, 2, {5, 6, 1, 2, 3, 4}}));
  EXPECT_THROW(reordered(batch, std::vector<std::int64_t>{3}), Failure);
}

// A sample's blocks do not depend on its place in the batch; only the common cut does.
TEST(Batch, SamplesKeepTheirBlocksWhereverTheyAreDrawn) {
  const MaskSampler sampler({});
  const MaskBatch whole = draw_batch(sampler, 5, 1, 8, std::vector<std::int64_t>{30, 31, 32, 33});
  const MaskBatch part = draw_batch(sampler, 5, 1, 8, std::vector<std::int64_t>{33, 31});
  const auto expect_same_start = [](std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
    const std::size_t length = std::min(a.size(), b.size());
    EXPECT_TRUE(std::equal(a.begin(), a.begin() + std::ptrdiff_t(length), b.begin()));
  };
  expect_same_start(whole.contexts[0].row(3), part.contexts[0].row(0));
  expect_same_start(whole.contexts[0].row(1), part.contexts[0].row(1));
  expect_same_start(whole.targets[0].row(3), part.targets[0].row(0));
  EXPECT_NE(draw_batch(sampler, 5, 2, 8, std::vector<std::int64_t>{33, 31}).targets[0], part.targets[0]);
}

}  // namespace
}  // namespace chexworld
