// SPDX-License-Identifier: Apache-2.0
#include "clouds.h"
#include "support/temporary_folder.h"

#include <chexworld/result.h>

#include <gtest/gtest.h>
#include <limits>

namespace chexworld::test {
namespace {

constexpr std::size_t kDimensions = 96;
constexpr double kRounding = 1e-6;  // of single precision

IndexOptions options(std::uint32_t findings = 0) {
  IndexOptions options;
  options.dimensions = kDimensions;
  options.findings = findings;
  options.build_width = 100;
  return options;
}

const auto everything = [](std::size_t) { return true; };

class Search : public testing::Test {
 protected:
  std::unique_ptr<VectorIndex> make(std::uint32_t findings = 0) {
    return VectorIndex::create(folder_ / "index", options(findings), small());
  }
  TemporaryFolder folder_;
};

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.error().code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::kInternal;
}

TEST_F(Search, AnEmptyIndexAnswersWithNothing) {
  const auto index = make();
  for (const SearchMethod method : {SearchMethod::kAuto, SearchMethod::kGraph, SearchMethod::kScan})
    EXPECT_TRUE(index->search(query_for(clouds(1, kDimensions, 1)[0], method)).hits.empty());
}

TEST_F(Search, ScanFindsWhatBruteForceFinds) {
  Vectors vectors = clouds(2050, kDimensions, 1);
  const Vectors queries = take_queries(vectors, 50);
  const auto index = make();
  fill(*index, vectors);
  for (const auto& vector : queries) {
    const SearchAnswer answer = index->search(query_for(vector, SearchMethod::kScan));
    EXPECT_EQ(recall_but_for_ties(vectors, vector, ids_of(answer), nearest(vectors, vector, 10, everything)), 1);
    for (const SearchHit& hit : answer.hits) {
      EXPECT_NEAR(hit.score, cosine(vector, vectors[hit.id]), kRounding);
      EXPECT_EQ(hit.distance, 1 - hit.score);
    }
  }
}

TEST_F(Search, GraphFindsNearlyAll) {
  Vectors vectors = clouds(8100, kDimensions, 2);
  const Vectors queries = take_queries(vectors, 100);
  const auto index = make();
  fill(*index, vectors);
  double sum = 0;
  for (const auto& vector : queries) {
    const SearchAnswer answer = index->search(query_for(vector, SearchMethod::kGraph));
    EXPECT_EQ(answer.method, SearchMethod::kGraph);
    EXPECT_LT(answer.compared, vectors.size() / 2);
    sum += recall(ids_of(answer), nearest(vectors, vector, 10, everything));
  }
  EXPECT_GE(sum / double(queries.size()), 0.99);
}

TEST_F(Search, EveryRowFindsItself) {
  const Vectors vectors = clouds(3000, kDimensions, 3);
  const auto index = make();
  fill(*index, vectors);
  std::size_t lost = 0;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const SearchAnswer answer = index->search(query_for(vectors[i], SearchMethod::kGraph));
    lost += answer.hits.empty() || answer.hits[0].id != i;
  }
  EXPECT_LE(lost, vectors.size() / 1000);
}

TEST_F(Search, EqualScoresComeInTheOrderOfIds) {
  const Vectors vectors = clouds(300, kDimensions, 4);
  const auto index = make();
  fill(*index, vectors, 1000);
  for (const std::uint64_t id : {7u, 5u, 9u, 3u}) index->upsert({id, vectors[0], {}});
  for (const SearchMethod method : {SearchMethod::kScan, SearchMethod::kGraph}) {
    SearchQuery query = query_for(vectors[0], method);
    query.k = 5;
    EXPECT_EQ(ids_of(index->search(query)), (std::vector<std::uint64_t>{3, 5, 7, 9, 1000}));
    query.k = 2;
    EXPECT_EQ(ids_of(index->search(query)), (std::vector<std::uint64_t>{3, 5}));
  }
}

TEST_F(Search, UpsertReplacesAndEraseForgets) {
  const Vectors vectors = clouds(500, kDimensions, 5);
  const auto index = make();
  fill(*index, vectors);
  index->upsert({17, vectors[400], {}});
  EXPECT_EQ(index->size(), vectors.size());
  EXPECT_EQ(ids_of(index->search(query_for(vectors[400])))[0], 17u);  // ties with 400
  EXPECT_TRUE(index->erase(400));
  EXPECT_FALSE(index->erase(400));
  EXPECT_FALSE(index->contains(400));
  EXPECT_EQ(index->size(), vectors.size() - 1);
  for (const SearchMethod method : {SearchMethod::kScan, SearchMethod::kGraph}) {
    SearchQuery query = query_for(vectors[400], method);
    query.k = vectors.size();
    for (const std::uint64_t id : ids_of(index->search(query))) EXPECT_NE(id, 400u);
  }
}

TEST_F(Search, SeveralExamplesAverageOrCompete) {
  const Vectors vectors = clouds(1000, kDimensions, 6);
  const auto index = make();
  fill(*index, vectors);
  SearchQuery query = query_for(vectors[1]);
  query.positive.push_back(vectors[2]);
  query.negative = {vectors[3]};
  query.negative_weight = 0.5f;
  std::vector<float> mean(kDimensions);
  const auto one = normalised(vectors[1]), two = normalised(vectors[2]), three = normalised(vectors[3]);
  for (std::size_t i = 0; i < kDimensions; ++i) mean[i] = (one[i] + two[i]) / 2 - 0.5f * three[i];
  const auto truth = nearest(vectors, mean, 10, everything);
  EXPECT_EQ(recall_but_for_ties(vectors, mean, ids_of(index->search(query)), truth), 1);

  query.negative.clear();
  query.combine = Combine::kBest;
  const SearchAnswer best = index->search(query);
  EXPECT_EQ(best.hits.size(), query.k);
  for (const SearchHit& hit : best.hits)
    EXPECT_NEAR(hit.score, std::max(cosine(vectors[1], vectors[hit.id]), cosine(vectors[2], vectors[hit.id])),
                kRounding);
  EXPECT_EQ(std::set<std::uint64_t>({best.hits[0].id, best.hits[1].id}), (std::set<std::uint64_t>{1, 2}));
}

TEST_F(Search, ABatchAnswersLikeSingleSearches) {
  const Vectors vectors = clouds(1000, kDimensions, 7);
  const auto index = make();
  fill(*index, vectors);
  std::vector<SearchQuery> queries;
  for (std::size_t i = 0; i < 40; ++i) queries.push_back(query_for(vectors[i * 3]));
  const auto answers = index->search_batch(queries, 3);
  ASSERT_EQ(answers.size(), queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i) EXPECT_EQ(answers[i].hits, index->search(queries[i]).hits);
}

TEST_F(Search, RefusesWhatMakesNoSense) {
  const auto index = make(2);
  const std::vector<float> good = clouds(1, kDimensions, 8)[0];
  std::vector<float> infinite = good, zero(kDimensions), short_one(kDimensions - 1, 1.0f);
  infinite[3] = std::numeric_limits<float>::infinity();
  for (const auto& vector : {infinite, zero, short_one}) {
    EXPECT_EQ(code_of([&] { index->upsert({1, vector, {}}); }), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of([&] { index->search(query_for(vector)); }), ErrorCode::kInvalidArgument);
  }
  RowAttributes attributes;
  attributes.findings = {0.5f, 1.5f};
  EXPECT_EQ(code_of([&] { index->upsert({1, good, attributes}); }), ErrorCode::kInvalidArgument);
  attributes.findings = {0, 0, 0};
  EXPECT_EQ(code_of([&] { index->upsert({1, good, attributes}); }), ErrorCode::kInvalidArgument);
  attributes = {};
  attributes.view = 64;
  EXPECT_EQ(code_of([&] { index->upsert({1, good, attributes}); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(index->size(), 0u);

  SearchQuery query = query_for(good);
  query.k = 0;
  EXPECT_EQ(code_of([&] { index->search(query); }), ErrorCode::kInvalidArgument);
  query = query_for(good);
  query.filter.findings = {{2, 0.5f}};
  EXPECT_EQ(code_of([&] { index->search(query); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { index->search(SearchQuery{}); }), ErrorCode::kInvalidArgument);
}

TEST_F(Search, AFullIndexSaysSo) {
  const Vectors vectors = clouds(5, kDimensions, 9);
  const auto index = VectorIndex::create(folder_ / "full", options(), {4, false});
  for (std::size_t i = 0; i < 4; ++i) index->upsert({i, vectors[i], {}});
  EXPECT_EQ(code_of([&] { index->upsert({4, vectors[4], {}}); }), ErrorCode::kResourceExhausted);
  EXPECT_EQ(index->size(), 4u);
  EXPECT_EQ(ids_of(index->search(query_for(vectors[2])))[0], 2u);
}

}  // namespace
}  // namespace chexworld::test
