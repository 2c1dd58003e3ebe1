// SPDX-License-Identifier: Apache-2.0
#include "clouds.h"
#include "index/planner.h"
#include "support/temporary_folder.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace chexworld::test {
namespace {

constexpr std::size_t kDimensions = 64;
constexpr std::size_t kRows = 6000;

/// Rows with attributes of every kind, some unknown, and a plain reading of what a filter means.
class Filters : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    vectors_ = clouds(kRows + 20, kDimensions, 11);
    queries_ = take_queries(vectors_, 20);
    IndexOptions options;
    options.dimensions = kDimensions;
    options.findings = 3;
    options.build_width = 80;
    folder_ = std::make_unique<TemporaryFolder>();
    index_ = VectorIndex::create(*folder_ / "index", options, small());
    std::mt19937 random(12);
    for (std::size_t i = 0; i < kRows; ++i) {
      attributes_.push_back(draw(random, i));
      index_->upsert({i, vectors_[i], attributes_[i]});
    }
  }
  static void TearDownTestSuite() {
    index_.reset();
    folder_.reset();
    attributes_.clear();
  }

  static RowAttributes draw(std::mt19937& random, std::size_t i) {
    RowAttributes row;
    row.view = std::uint8_t(random() % 4);
    row.sex = std::uint8_t(random() % 3);
    row.age_days = random() % 10 == 0 ? RowAttributes::kUnknownAge : std::uint16_t(random() % 36500);
    row.date = random() % 10 == 0 ? RowAttributes::kUnknownDate : std::int32_t(random() % 20000) - 2000;
    row.institution = random() % 5;
    row.patient = i / 7 + 1;
    row.study = i / 3 + 1;
    row.labels = random() & random() & 0xff;
    for (std::size_t f = 0; f < random() % 4; ++f)
      row.findings.push_back(random() % 8 == 0 ? std::nanf("") : float(random() % 1001) / 1000);
    return row;
  }

  static bool contains(const auto& values, auto value) {
    return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
  }

  bool meets(std::size_t i, const SearchFilter& filter) const {
    const RowAttributes& row = attributes_[i];
    if (!contains(filter.views, row.view) || !contains(filter.sexes, row.sex)) return false;
    if (!contains(filter.institutions, row.institution)) return false;
    if (filter.age_days && (row.age_days == RowAttributes::kUnknownAge || row.age_days < filter.age_days->first ||
                            row.age_days > filter.age_days->second))
      return false;
    if (filter.date &&
        (row.date == RowAttributes::kUnknownDate || row.date < filter.date->first || row.date > filter.date->second))
      return false;
    for (const std::uint64_t any : filter.labels)
      if ((row.labels & any) == 0) return false;
    for (const auto& finding : filter.findings)
      if (finding.index >= row.findings.size() || !(row.findings[finding.index] >= finding.least)) return false;
    return row.patient != filter.exclude_patient && row.study != filter.exclude_study;
  }

  double mean_recall(const SearchFilter& filter, SearchMethod method) {
    double sum = 0;
    for (const auto& vector : queries_) {
      SearchQuery query = query_for(vector, method);
      query.filter = filter;
      const auto found = ids_of(index_->search(query));
      for (const std::uint64_t id : found) EXPECT_TRUE(meets(id, filter)) << id;
      const auto truth = nearest(vectors_, vector, 10, [&](std::size_t i) { return meets(i, filter); });
      sum += recall_but_for_ties(vectors_, vector, found, truth);
    }
    return sum / double(queries_.size());
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline Vectors vectors_, queries_;
  static inline std::vector<RowAttributes> attributes_;
  static inline std::unique_ptr<VectorIndex> index_;
};

std::vector<SearchFilter> filters() {
  std::vector<SearchFilter> all(12);
  all[0].views = {1, 2};
  all[1].sexes = {0};
  all[2].age_days = {{18 * 365, 40 * 365}};
  all[3].date = {{-500, 500}};
  all[4].institutions = {3};
  all[5].labels = {0b001, 0b100};
  all[6].labels = {0b1100};
  all[7].findings = {{1, 0.5f}};
  all[8].findings = {{0, 0.9f}, {2, 0.25f}};
  all[9].exclude_patient = 12;
  all[10].exclude_study = 30;
  all[11].views = {3};
  all[11].sexes = {1};
  all[11].age_days = {{0, 0xffff}};  // all that are known
  all[11].exclude_patient = 4;
  return all;
}

TEST_F(Filters, ScanAndPlannerReturnExactlyWhatMeetsTheFilter) {
  for (const SearchFilter& filter : filters()) {
    EXPECT_EQ(mean_recall(filter, SearchMethod::kScan), 1);
    EXPECT_GE(mean_recall(filter, SearchMethod::kAuto), 0.99);
  }
}

TEST_F(Filters, TheGraphKeepsItsRecallUnderAFilter) {
  for (const SearchFilter& filter : filters()) EXPECT_GE(mean_recall(filter, SearchMethod::kGraph), 0.98);
}

TEST_F(Filters, ThresholdsIncludeTheirOwnValue) {
  for (const float probability : {0.0f, 0.1f, 0.3f, 0.7f, 0.9999f, 1.0f}) {
    RowAttributes row;
    row.findings = {probability};
    row.labels = 1ull << 63;  // nobody else has it
    index_->upsert({kRows, vectors_[0], row});
    SearchQuery query = query_for(vectors_[0]);
    query.filter.labels = {row.labels};
    query.filter.findings = {{0, probability}};
    EXPECT_EQ(ids_of(index_->search(query)), std::vector<std::uint64_t>{kRows}) << probability;
    if (probability > 0.99f) continue;
    query.filter.findings = {{0, probability + 0.001f}};
    EXPECT_TRUE(index_->search(query).hits.empty()) << probability;
  }
  index_->erase(kRows);
}

TEST_F(Filters, AttributesCanBeReadBack) {
  for (std::size_t i = 0; i < kRows; i += 97) {
    RowAttributes kept = index_->attributes(i).value();
    RowAttributes given = attributes_[i];
    given.findings.resize(3, std::nanf(""));
    for (std::size_t f = 0; f < 3; ++f) {
      if (std::isnan(given.findings[f])) {
        EXPECT_TRUE(std::isnan(kept.findings[f]));
      } else {
        EXPECT_NEAR(kept.findings[f], given.findings[f], 1e-4);
      }
    }
    given.findings.clear();
    kept.findings.clear();
    EXPECT_EQ(kept, given);
  }
  EXPECT_FALSE(index_->attributes(kRows + 1).has_value());
}

TEST_F(Filters, OnlyTheLabelsOfARowChangeInPlace) {
  RowAttributes row = attributes_[3];
  row.labels = 1ull << 62;  // nobody else has it
  SearchQuery query = query_for(vectors_[3]);
  query.filter.labels = {row.labels};
  EXPECT_TRUE(index_->search(query).hits.empty());
  EXPECT_TRUE(index_->relabel({3, vectors_[3], row}));
  EXPECT_EQ(ids_of(index_->search(query)), std::vector<std::uint64_t>{3});
  EXPECT_EQ(index_->attributes(3)->labels, row.labels);
  RowAttributes other = row;
  other.sex = std::uint8_t((row.sex + 1) % 3);
  EXPECT_FALSE(index_->relabel({3, vectors_[3], other})) << "more than the labels differs";
  EXPECT_FALSE(index_->relabel({3, vectors_[4], row})) << "another vector";
  EXPECT_FALSE(index_->relabel({kRows + 7, vectors_[3], row})) << "no such row";
  EXPECT_TRUE(index_->relabel({3, vectors_[3], attributes_[3]}));
  EXPECT_TRUE(index_->search(query).hits.empty());
}

TEST_F(Filters, AFilterThatNothingMeetsGivesNothing) {
  SearchQuery query = query_for(queries_[0]);
  query.filter.institutions = {99};
  for (const SearchMethod method : {SearchMethod::kAuto, SearchMethod::kGraph, SearchMethod::kScan}) {
    query.method = method;
    EXPECT_TRUE(index_->search(query).hits.empty());
  }
  query.filter = {};
  query.filter.labels = {0};
  for (const SearchMethod method : {SearchMethod::kAuto, SearchMethod::kGraph, SearchMethod::kScan}) {
    query.method = method;
    EXPECT_TRUE(index_->search(query).hits.empty());
  }
}

TEST(Planner, ScansTheFewAndWalksAmongTheMany) {
  EXPECT_TRUE(scan_is_cheaper({1000, 1000, 128}));
  EXPECT_FALSE(scan_is_cheaper({1'000'000, 1'000'000, 128}));
  EXPECT_TRUE(scan_is_cheaper({1'000'000, 10'000, 128}));
  EXPECT_FALSE(scan_is_cheaper({1'000'000, 500'000, 128}));
  EXPECT_TRUE(scan_is_cheaper({0, 0, 128}));
}

TEST(Planner, AWalkMayTakeLongerTheFewerRowsPass) {
  EXPECT_GT(expected_visits({1'000'000, 100'000, 128}), expected_visits({1'000'000, 1'000'000, 128}));
  EXPECT_GE(most_visits({1'000'000, 100'000, 128}), 100'000u);
}

}  // namespace
}  // namespace chexworld::test
