// SPDX-License-Identifier: Apache-2.0
#include "archive.h"
#include "retrieval/region_match.h"

#include <cmath>

namespace chexworld::test {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::uint32_t kRows = 7, kColumns = 6;
constexpr std::size_t kWidth = 24;

std::vector<float> noise_tokens(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> tokens(kRows * kColumns * kWidth);
  for (float& value : tokens) value = normal(random);
  return tokens;
}

/// Puts a motif of 2 x 2 tokens, each unlike the others, at a place.
void put_motif(std::vector<float>& tokens, std::uint32_t row, std::uint32_t column) {
  for (std::uint32_t y = 0; y < 2; ++y)
    for (std::uint32_t x = 0; x < 2; ++x)
      for (std::size_t i = 0; i < kWidth; ++i)
        tokens[((row + y) * kColumns + column + x) * kWidth + i] = (i + y) % (3 + x) == 0 ? 4.0f : -1.0f;
}

ImageRegion motif_region(std::uint32_t row, std::uint32_t column) {
  return {double(column) / kColumns, double(row) / kRows, double(column + 2) / kColumns, double(row + 2) / kRows};
}

void expect_near(const ImageRegion& a, const ImageRegion& b) {
  EXPECT_NEAR(a.x0, b.x0, 1e-9);
  EXPECT_NEAR(a.y0, b.y0, 1e-9);
  EXPECT_NEAR(a.x1, b.x1, 1e-9);
  EXPECT_NEAR(a.y1, b.y1, 1e-9);
}

TEST(RegionMatch, PatchesWhoseMiddleLiesInside) {
  const PatchTokens patches = encode_patches(noise_tokens(1), kRows, kColumns);
  const auto window = [&](const ImageRegion& region) {
    const PatchWindow found = window_of(region, patches);
    return std::vector<std::uint32_t>{found.row, found.column, found.rows, found.columns};
  };
  EXPECT_THAT(window({0, 0, 1, 1}), ElementsAre(0, 0, kRows, kColumns));
  EXPECT_THAT(window(motif_region(3, 2)), ElementsAre(3, 2, 2, 2));
  EXPECT_THAT(window({0.99, 0.99, 1, 1}), ElementsAre(kRows - 1, kColumns - 1, 1, 1)) << "thinner than half a patch";
  EXPECT_THAT(window({0.0, 0.0, 0.01, 0.01}), ElementsAre(0, 0, 1, 1));
  for (const ImageRegion& wrong : {ImageRegion{0.5, 0, 0.5, 1}, ImageRegion{0.6, 0, 0.5, 1}, ImageRegion{-0.1, 0, 1, 1},
                                   ImageRegion{0, 0, 1, 1.1}, ImageRegion{std::nan(""), 0, 1, 1}})
    EXPECT_EQ(refusal([&] { window_of(wrong, patches); }), ErrorCode::kInvalidArgument);
}

TEST(RegionMatch, EightBitsKeepTokens) {
  const std::vector<float> tokens = noise_tokens(2);
  const PatchTokens patches = encode_patches(tokens, kRows, kColumns);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    EXPECT_NEAR(float(patches.codes[i]) * patches.scale, tokens[i], patches.scale * 0.51f);
  EXPECT_EQ(refusal([] { encode_patches(std::vector<float>{1, NAN}, 1, 1); }), ErrorCode::kInvalidArgument);
}

TEST(RegionMatch, FindsTheMotifWhereItLies) {
  std::vector<float> wanted = noise_tokens(3), other = noise_tokens(4);
  put_motif(wanted, 1, 1);
  put_motif(other, 4, 3);
  const PatchTokens from = encode_patches(wanted, kRows, kColumns), in = encode_patches(other, kRows, kColumns);
  const PatchWindow window = window_of(motif_region(1, 1), from);
  const RegionMatch match = best_window(unit_tokens(from, window), window, in);
  expect_near(region_of(match.window, in), motif_region(4, 3));
  EXPECT_NEAR(match.score, 1, 1e-3);
}

TEST(RegionMatch, TheSizeOfTheGridMayDiffer) {
  const PatchTokens from = encode_patches(noise_tokens(5), kRows, kColumns),
                    small = encode_patches(std::vector<float>(2 * 2 * kWidth, 1.0f), 2, 2);
  const PatchWindow all{0, 0, kRows, kColumns};
  const RegionMatch match = best_window(unit_tokens(from, all), all, small);
  expect_near(region_of(match.window, small), {0, 0, 1, 1});
}

class RegionSearch : public Archive {
 protected:
  static constexpr int kLast = 60;

  void SetUp() override {
    Archive::SetUp();
    const ModelRecord model = archive_model();
    store_->add_model(model);
    Batch batch;
    for (int number = 1; number <= kLast; ++number) {
      batch.outcomes.push_back(outcome_of(number, model));
      if (number % 10 == 9) continue;  // without patch tokens
      std::vector<float> tokens = noise_tokens(unsigned(number));
      if (number % 10 == 3) put_motif(tokens, row_of(number), 2);
      batch.outcomes.back().result.patches = encode_patches(tokens, kRows, kColumns);
    }
    store_->commit(batch);
    open_caught_up();
  }

  static std::uint32_t row_of(int number) { return std::uint32_t(number / 10) % (kRows - 1); }

  static SearchRequest by_motif(int number, std::size_t k) {
    SearchRequest request;
    request.positive.push_back(RegionExample{uid(number), motif_region(row_of(number), 2)});
    request.k = k;
    return request;
  }
};

TEST_F(RegionSearch, FindsOtherImagesWithTheSameMotifAndWhere) {
  const SearchRequest request = by_motif(3, 5);
  const SearchReply reply = retrieval_->search(request);
  ASSERT_THAT(reply.hits, SizeIs(5));
  std::vector<std::string> expected;
  for (const int number : {13, 23, 33, 43, 53}) expected.push_back(uid(number));
  EXPECT_THAT(uids(reply), testing::UnorderedElementsAreArray(expected));
  for (const ResultHit& hit : reply.hits) {
    EXPECT_GT(hit.score, 0.99f);
    ASSERT_TRUE(hit.region);
    expect_near(*hit.region, motif_region(row_of(std::stoi(hit.result.instance.sop_instance_uid.substr(6))), 2));
  }
  EXPECT_EQ(uids(search_store(*store_, request)), uids(reply));
}

TEST_F(RegionSearch, FiltersHoldAndImagesWithoutTokensAreLeftOut) {
  SearchRequest request = by_motif(3, 1000);
  EXPECT_THAT(retrieval_->search(request).hits, SizeIs(kLast - kLast / 10 - 1));
  request.filter.sexes = {"F"};
  const SearchReply reply = retrieval_->search(request);
  EXPECT_THAT(reply.hits, Not(IsEmpty()));
  for (const ResultHit& hit : reply.hits) EXPECT_EQ(hit.result.instance.sex, "F");
}

TEST_F(RegionSearch, SaysWhatIsMissing) {
  EXPECT_EQ(refusal([&] { retrieval_->search(by_motif(9, 5)); }), ErrorCode::kNotFound);
  SearchRequest request = by_motif(3, 5);
  request.positive.push_back(InstanceExample{uid(4)});
  EXPECT_EQ(refusal([&] { retrieval_->search(request); }), ErrorCode::kInvalidArgument);
  request = by_motif(3, 5);
  request.negative.push_back(InstanceExample{uid(4)});
  EXPECT_EQ(refusal([&] { retrieval_->search(request); }), ErrorCode::kInvalidArgument);
  std::get<RegionExample>((request = by_motif(3, 5)).positive[0]).region.x1 = 2;
  EXPECT_EQ(refusal([&] { retrieval_->search(request); }), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld::test
