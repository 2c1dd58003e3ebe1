// SPDX-License-Identifier: Apache-2.0
#include "archive.h"
#include "retrieval/row_attributes.h"

#include <algorithm>
#include <set>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int kLast = 300;

class RetrievalSearch : public Archive {
 protected:
  void SetUp() override {
    Archive::SetUp();
    store(1, kLast);
    open_caught_up();
  }

  /// Every hit meets the condition, and everything in the store that does is found.
  void expect_exactly(const ResultFilter& filter, const std::function<bool(const InstanceRecord&)>& condition) {
    SearchRequest request = like(uid(1), kLast);
    request.filter = filter;
    request.include_examples = true;
    std::set<std::string> expected;
    for (int number = 1; number <= kLast; ++number)
      if (condition(sample_instance(number))) expected.insert(uid(number));
    EXPECT_THAT(expected, Not(IsEmpty()));
    EXPECT_LT(expected.size(), std::size_t(kLast)) << "the filter filters nothing";
    const std::vector<std::string> found = uids(answer(request));
    EXPECT_EQ(std::set(found.begin(), found.end()), expected);
    EXPECT_EQ(found.size(), expected.size());
  }
};

TEST_F(RetrievalSearch, ByInstanceLeavesTheInstanceOut) {
  const SearchReply reply = answer(like(uid(7)));
  ASSERT_THAT(reply.hits, SizeIs(10));
  EXPECT_THAT(uids(reply), Each(Not(uid(7))));
  EXPECT_EQ(reply.model_id, "model-a");
  for (std::size_t i = 0; i < reply.hits.size(); ++i) {
    EXPECT_FLOAT_EQ(reply.hits[i].distance, 1 - reply.hits[i].score);
    EXPECT_THAT(reply.hits[i].result.result.finding_probabilities, SizeIs(2));
    EXPECT_LE(reply.hits[i].score, reply.hits[i == 0 ? 0 : i - 1].score);
  }
}

TEST_F(RetrievalSearch, TheInstanceItselfComesFirstWhenItMay) {
  SearchRequest request = like(uid(7));
  request.include_examples = true;
  const SearchReply reply = answer(request);
  EXPECT_EQ(uids(reply).at(0), uid(7));
  EXPECT_NEAR(reply.hits[0].score, 1, 1e-3);
}

TEST_F(RetrievalSearch, ByVector) {
  SearchRequest request;
  request.positive.push_back(VectorExample{embedding_of(12, archive_model())});
  EXPECT_EQ(uids(answer(request)).at(0), uid(12));
}

TEST_F(RetrievalSearch, ByStudyUsesItsFrontalImagesAndLeavesThemOut) {
  // Study 6 holds 12 (PA) and 13 (LL).
  SearchRequest request;
  request.positive.push_back(StudyExample{sample_instance(12).study_instance_uid});
  const std::vector<std::string> by_study = uids(answer(request));
  EXPECT_THAT(by_study, Each(Not(uid(12))));
  EXPECT_EQ(by_study, uids(answer(like(uid(12)))));
}

TEST_F(RetrievalSearch, AStudyWithoutAFrontalImageIsSearchedByAll) {
  const ModelRecord model = archive_model();
  Batch batch;
  for (const int number : {1001, 1003}) {  // LL
    batch.outcomes.push_back(outcome_of(number, model));
    batch.outcomes.back().instance.study_instance_uid = "1.2.5.lateral";
  }
  store_->commit(batch);
  retrieval_->catch_up();
  SearchRequest request;
  request.positive.push_back(StudyExample{"1.2.5.lateral"});
  const SearchReply reply = answer(request);
  // Each hit is as similar as to the nearer of the two.
  for (const ResultHit& hit : reply.hits) {
    SearchRequest one = like(uid(1001), 1000), other = like(uid(1003), 1000);
    const auto score_in = [&](const SearchRequest& asked) {
      for (const ResultHit& found : retrieval_->search(asked).hits)
        if (found.result.row == hit.result.row) return found.score;
      return -1.0f;
    };
    EXPECT_NEAR(hit.score, std::max(score_in(one), score_in(other)), 1e-3);
  }
}

TEST_F(RetrievalSearch, ExamplesForAndAgainst) {
  SearchRequest request = like(uid(3));
  request.positive.push_back(VectorExample{embedding_of(4, archive_model())});
  request.negative.push_back(InstanceExample{uid(5)});
  const std::vector<std::string> with = uids(answer(request));
  EXPECT_THAT(with, Each(Not(uid(5)))) << "an example is not an answer";
  request.negative.clear();
  EXPECT_NE(with, uids(answer(request)));
}

TEST_F(RetrievalSearch, Filters) {
  using Instance = InstanceRecord;
  ResultFilter filter;
  filter.views = {"LL"};
  expect_exactly(filter, [](const Instance& i) { return i.view == "LL"; });
  filter = {};
  filter.sexes = {"F", "O"};
  expect_exactly(filter, [](const Instance& i) { return i.sex == "F"; });
  filter = {};
  filter.age_from = 30;
  filter.age_to = 40.25;
  expect_exactly(filter, [](const Instance& i) { return i.age_years && *i.age_years >= 30 && *i.age_years <= 40.25; });
  filter = {};
  filter.date_from = std::chrono::year(2020) / 2 / 5;
  filter.date_to = std::chrono::year(2020) / 2 / 6;
  expect_exactly(filter, [&](const Instance& i) {
    return i.acquisition_date && *i.acquisition_date >= *filter.date_from && *i.acquisition_date <= *filter.date_to;
  });
}

TEST_F(RetrievalSearch, FindingAboveThreshold) {
  SearchRequest request = like(uid(1), kLast);
  request.filter.findings.push_back({"pneumonia", 0.9});
  const SearchReply reply = answer(request);
  EXPECT_THAT(reply.hits, Not(IsEmpty()));
  EXPECT_LT(reply.hits.size(), std::size_t(kLast) / 2);
  for (const ResultHit& hit : reply.hits) EXPECT_GE(hit.result.result.finding_probabilities[1], 0.9f);
  request.filter.findings.push_back({"fracture", 0.5});
  EXPECT_EQ(refusal([&] { retrieval_->search(request); }), ErrorCode::kNotFound);
}

TEST_F(RetrievalSearch, WhatAHeadAbstainedFromHasNoFinding) {
  Outcome abstained = outcome_of(kLast + 1, archive_model());
  abstained.result.finding_probabilities = {};
  abstained.result.abstained = "view-outside";
  store_->commit({{abstained}, {}, {}, {}});
  open_caught_up();
  const std::string hidden = uid(kLast + 1);
  const std::vector<std::string> all = uids(answer(like(uid(1), kLast + 1)));
  EXPECT_THAT(all, Contains(hidden)) << "its embedding is as good as any";
  for (const bool exact : {false, true}) {
    SearchRequest request = like(uid(1), kLast + 1);
    request.exact = exact;
    request.filter.findings.push_back({"pneumonia", 0});
    EXPECT_THAT(uids(answer(request)), AllOf(SizeIs(all.size() - 1), Not(Contains(hidden))));
  }
}

TEST_F(RetrievalSearch, SamePatientAndSameStudyCanBeLeftOut) {
  SearchRequest request = like(uid(21), kLast);
  request.filter.exclude_same_patient = true;
  for (const ResultHit& hit : answer(request).hits)
    EXPECT_NE(hit.result.instance.patient_key, sample_instance(21).patient_key);
  request.filter.exclude_same_patient = false;
  request.filter.exclude_same_study = true;
  for (const ResultHit& hit : answer(request).hits)
    EXPECT_NE(hit.result.instance.study_instance_uid, sample_instance(21).study_instance_uid);
}

TEST_F(RetrievalSearch, TwoPatientsCanBeLeftOut) {
  SearchRequest request = like(uid(21), kLast);
  request.positive.push_back(InstanceExample{uid(41)});
  request.filter.exclude_same_patient = true;
  const SearchReply reply = answer(request);
  EXPECT_EQ(reply.hits.size(), std::size_t(kLast) - 8);  // four images of each
}

// Views are kept as one of 63 codes; two that share one must not be taken for each other.
TEST_F(RetrievalSearch, ViewsThatShareACodeAreToldApart) {
  const auto code = [](const std::string& view) {
    StoredResult stored;
    stored.instance.view = view;
    return row_attributes(stored).view;
  };
  std::string twin;
  for (int i = 0; twin.empty(); ++i)
    if (code("view-" + std::to_string(i)) == code("PA")) twin = "view-" + std::to_string(i);
  const ModelRecord model = archive_model();
  Batch batch;
  for (int number = 2001; number <= 2200; ++number) {
    batch.outcomes.push_back(outcome_of(number, model));
    batch.outcomes.back().instance.view = twin;
  }
  store_->commit(batch);
  retrieval_->catch_up();
  SearchRequest request = like(uid(1));
  request.filter.views = {"PA"};
  const SearchReply reply = answer(request);
  EXPECT_THAT(reply.hits, SizeIs(10));
  for (const ResultHit& hit : reply.hits) EXPECT_EQ(hit.result.instance.view, "PA");
}

TEST_F(RetrievalSearch, BatchesAnswerInOrder) {
  std::vector<SearchRequest> requests;
  for (int number = 1; number <= 40; ++number) requests.push_back(like(uid(number), 3));
  const std::vector<SearchReply> replies = retrieval_->search_batch(requests);
  ASSERT_THAT(replies, SizeIs(40));
  for (std::size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(uids(replies[i]), uids(retrieval_->search(requests[i])));
  requests.push_back(like("1.2.3.unknown"));
  EXPECT_EQ(refusal([&] { retrieval_->search_batch(requests); }), ErrorCode::kNotFound);
}

TEST_F(RetrievalSearch, RefusesWhatContradictsItself) {
  const auto code_of = [&](const std::function<void(SearchRequest&)>& change) {
    SearchRequest request = like(uid(1));
    change(request);
    const ErrorCode by_index = refusal([&] { retrieval_->search(request); });
    EXPECT_EQ(by_index, refusal([&] { search_store(*store_, request); }));
    return by_index;
  };
  EXPECT_EQ(code_of([](SearchRequest& r) { r.positive.clear(); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.k = 0; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.k = 1001; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.positive = {VectorExample{{1, 2, 3}}}; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.positive = {VectorExample{std::vector<float>(24)}}; }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.filter.age_from = 151; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.filter.age_from = 50, r.filter.age_to = 40; }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.filter.date_from = std::chrono::year(2020) / 2 / 30; }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.filter.findings.push_back({"pneumonia", 1.5}); }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.filter.views = {""}; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.best_of = true, r.negative = r.positive; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.negative_weight = 2; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.model_id = "model-z"; }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.positive = {InstanceExample{"1.9.9"}}; }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.positive = {StudyExample{"1.9.9"}}; }), ErrorCode::kNotFound);
}

TEST_F(RetrievalSearch, RefusalsNameNoImage) {
  try {
    retrieval_->search(like("1.2.840.99999"));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.error().message(), Not(testing::HasSubstr("99999")));
  }
}

}  // namespace
}  // namespace chexworld::test
