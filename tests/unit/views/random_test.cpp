// SPDX-License-Identifier: Apache-2.0
#include "views/random.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <numeric>
#include <set>

namespace chexworld {
namespace {

// Known answers published with the algorithm (Random123, kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// torch.manual_seed(0); torch.rand(1) three times gives 0.4963, 0.7682, 0.0885.
TEST(PyTorchRandom, GivesTheNumbersOfTorchRand) {
  PyTorchRandom random(0);
  EXPECT_NEAR(random.uniform(), 0.4963, 5e-5);
  EXPECT_NEAR(random.uniform(), 0.7682, 5e-5);
  EXPECT_NEAR(random.uniform(), 0.0885, 5e-5);
}

TEST(StreamRandom, IsAFunctionOfItsStream) {
  const RandomStream stream{7, 3, 12345678901, RandomPurpose::kViews};
  StreamRandom first(stream);
  StreamRandom second(stream);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.bits(), second.bits());
}

TEST(StreamRandom, EveryPartOfTheNameMatters) {
  const RandomStream base{7, 3, 11, RandomPurpose::kViews};
  std::vector<RandomStream> streams(7, base);
  streams[1].seed = 8;
  streams[2].seed = 7 + (std::uint64_t(1) << 32);
  streams[3].pass = 4;
  streams[4].index = 12;
  streams[5].index = 11 + (std::uint64_t(1) << 32);
  streams[6].purpose = RandomPurpose::kMaskPositions;
  std::set<std::vector<std::uint32_t>> seen;
  for (const RandomStream& stream : streams) {
    StreamRandom random(stream);
    std::vector<std::uint32_t> numbers(8);
    for (std::uint32_t& number : numbers) number = random.bits();
    seen.insert(numbers);
  }
  EXPECT_EQ(seen.size(), streams.size());
}

TEST(StreamRandom, BelowIsFair) {
  StreamRandom random({1, 0, 0, RandomPurpose::kOther});
  constexpr int kDraws = 70000;
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts[std::size_t(random.below(7))];
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - kDraws / 7.0) * (count - kDraws / 7.0) / (kDraws / 7.0);
  EXPECT_LT(chi_square, 33);  // 6 degrees of freedom: 1e-5
}

TEST(StreamRandom, UniformStaysBelowOneAndIsEven) {
  StreamRandom random({2, 0, 0, RandomPurpose::kOther});
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 5 / std::sqrt(12.0 * 100000));
}

TEST(Draws, StayInTheirRanges) {
  StreamRandom random({3, 0, 0, RandomPurpose::kOther});
  int low = 0;
  for (int i = 0; i < 20000; ++i) {
    const double value = log_uniform_in(random, {0.5, 2.0});
    ASSERT_GE(value, 0.5 - 1e-12);
    ASSERT_LE(value, 2.0);
    low += value < 1;
  }
  EXPECT_NEAR(low, 10000, 5 * std::sqrt(5000.0));  // half of the logarithm lies below 1
}

TEST(Normal, HasTheMomentsOfItsName) {
  StreamRandom random({4, 0, 0, RandomPurpose::kOther});
  std::vector<float> values(99999);
  fill_normal(random, values);
  double moments[5] = {};
  for (const float value : values)
    for (int k = 1; k < 5; ++k) moments[k] += std::pow(double(value), k) / double(values.size());
  EXPECT_NEAR(moments[1], 0, 0.016);
  EXPECT_NEAR(moments[2], 1, 0.023);
  EXPECT_NEAR(moments[3], 0, 0.062);
  EXPECT_NEAR(moments[4], 3, 0.155);
}

TEST(Permutation, HoldsEveryNumberOnceAndIsFair) {
  StreamRandom random({5, 0, 0, RandomPurpose::kMaskShuffle});
  std::array<int, 6> seen{};
  for (int i = 0; i < 6000; ++i) {
    const auto order = random_permutation(random, 3);
    ASSERT_THAT(order, testing::UnorderedElementsAre(0, 1, 2));
    ++seen[std::size_t(order[0] * 2 + (order[1] > order[2]))];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0 * 5 / 6));
  EXPECT_TRUE(random_permutation(random, 0).empty());
}

TEST(Range, MustBeInOrderAndInside) {
  EXPECT_NO_THROW(require_range({0.1, 0.1}, {0, 1}, "x"));
  for (const Range bad : {Range{0.2, 0.1}, Range{-1, 0.5}, Range{0, 2}, Range{std::nan(""), 1}, Range{0, std::nan("")}})
    EXPECT_THROW(require_range(bad, {0, 1}, "x"), Failure);
  EXPECT_THROW(require_probability(1.01, "x"), Failure);
}

}  // namespace
}  // namespace chexworld
