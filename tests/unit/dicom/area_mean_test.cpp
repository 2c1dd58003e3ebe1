// SPDX-License-Identifier: Apache-2.0
#include "dicom/sample_rows.h"

#include "failing.h"

namespace chexworld {
namespace {

const Deadline kNoHurry{std::chrono::hours(1)};

RowSource source_of(int rows, int columns, std::vector<std::uint16_t> values, bool is_signed = false) {
  RowSource source{.rows = rows, .columns = columns, .is_signed = is_signed};
  source.read = [columns, values = std::move(values)](int y, std::uint16_t* row) {
    std::copy_n(values.begin() + std::ptrdiff_t(y) * columns, columns, row);
  };
  return source;
}

TEST(AreaMean, FactorOneCopies) {
  const StoredPixels all = area_mean(source_of(2, 3, {1, 2, 3, 4, 5, 65535}), 1, kNoHurry);
  EXPECT_EQ(all.rows, 2);
  EXPECT_EQ(all.columns, 3);
  EXPECT_THAT(all.samples, testing::ElementsAre(1, 2, 3, 4, 5, 65535));
}

TEST(AreaMean, RoundsHalfUp) {
  EXPECT_THAT(area_mean(source_of(2, 2, {0, 0, 1, 1}), 2, kNoHurry).samples, testing::ElementsAre(1));
  EXPECT_THAT(area_mean(source_of(2, 2, {0, 0, 0, 1}), 2, kNoHurry).samples, testing::ElementsAre(0));
}

TEST(AreaMean, EdgesAreMeansOfWhatIsThere) {
  const StoredPixels small = area_mean(source_of(3, 3, {0, 4, 10, 4, 8, 20, 7, 9, 100}), 2, kNoHurry);
  EXPECT_EQ(small.rows, 2);
  EXPECT_EQ(small.columns, 2);
  EXPECT_THAT(small.samples, testing::ElementsAre(4, 15, 8, 100));
}

TEST(AreaMean, LargestValuesAndFactorDoNotOverflow) {
  const std::vector<std::uint16_t> white(256 * 256, 65535);
  EXPECT_THAT(area_mean(source_of(256, 256, white), 256, kNoHurry).samples, testing::ElementsAre(65535));
}

TEST(AreaMean, SignedValuesKeepTheirSign) {
  const auto value = [](int v) { return std::uint16_t(v); };
  const auto mean = [&](std::vector<std::uint16_t> four) {
    return int(std::int16_t(area_mean(source_of(2, 2, std::move(four), true), 2, kNoHurry).samples[0]));
  };
  EXPECT_EQ(mean({value(-100), value(-100), value(100), value(100)}), 0);
  EXPECT_EQ(mean({value(-32768), value(-32768), value(-32768), value(-32768)}), -32768);
  EXPECT_EQ(mean({value(-10), value(-20), value(-30), value(-40)}), -25);
}

TEST(AreaMean, RefusesFactorsItCannotSum) {
  EXPECT_FAILURE(area_mean(source_of(1, 1, {0}), 0, kNoHurry), ErrorCode::kInvalidArgument, "factor");
  EXPECT_FAILURE(area_mean(source_of(1, 1, {0}), 257, kNoHurry), ErrorCode::kInvalidArgument, "factor");
}

TEST(AreaMean, StopsAtTheDeadline) {
  const Deadline over{std::chrono::milliseconds(-1)};
  EXPECT_FAILURE(area_mean(source_of(1, 1, {0}), 1, over), ErrorCode::kTimeout, "time limit");
}

}  // namespace
}  // namespace chexworld
