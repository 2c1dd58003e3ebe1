// SPDX-License-Identifier: Apache-2.0
//
// What store.h promises, for both backends.
#include "base/failure.h"
#include "support/store_backend.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <limits>
#include <set>
#include <thread>

namespace chexworld {
namespace {

using namespace std::chrono_literals;
using test::done;
using test::number_of;
using test::sample_instance;
using test::sample_location;
using test::sample_model;
using test::sample_outcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StoreContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    location_ = test::backend_named(GetParam()).fresh_location();
    store_ = open();
    store_->add_model(model_);
  }
  std::unique_ptr<Store> open() {
    StoreOptions options;
    options.clock = &clock_;
    options.patience = 10s;
    return open_store(location_, options);
  }
  void reopen() {
    store_.reset();
    store_ = open();
  }
  CommitReport put(int number, const ModelRecord& model) {
    return store_->commit({{sample_outcome(number, model)}, {}, {}, {}});
  }
  CommitReport put(int number) { return put(number, model_); }
  CommitReport queue(int first, int last, Priority priority = Priority::kArrival) {
    Batch batch;
    for (int i = first; i <= last; ++i) batch.arrivals.push_back({sample_location(i), model_.model_id, priority});
    return store_->commit(batch);
  }
  std::vector<ClaimedWork> claim(std::uint32_t most, const std::string& owner = "worker-1") {
    return store_->claim({model_.model_id, owner, most, 60s, 3});
  }
  std::vector<Change> history(std::uint64_t after = 0, const std::string& model = "model-a") {
    return store_->changes(model, after, 1000).changes;
  }
  ErrorCode refusal(const Outcome& outcome) {
    const auto result = capture([&] { return store_->commit({{outcome}, {}, {}, {}}); });
    EXPECT_FALSE(result.ok());
    if (result.ok()) return ErrorCode::kInternal;
    message_ = result.error().message();
    return result.error().code();
  }

  ManualClock clock_{Clock::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1))};
  ModelRecord model_ = sample_model();
  std::string location_;
  std::unique_ptr<Store> store_;
  std::string message_;  // of the last refusal
};

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, testing::Values("sqlite", "postgresql"),
                         [](const auto& backend) { return backend.param; });

// ---- results ----

TEST_P(StoreContract, KeepsEverythingOfAResult) {
  for (int number : {5, 6}) put(number);  // with and without date and age
  reopen();
  for (int number : {5, 6}) {
    const Outcome expected = sample_outcome(number, model_);
    const auto found = store_->result(expected.instance.sop_instance_uid, model_.model_id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->instance, expected.instance);
    EXPECT_EQ(found->result, expected.result);
    EXPECT_EQ(found->stored_at, clock_.wall());
    EXPECT_EQ(store_->instance_at("server-1", expected.location.instance_id), expected.instance);
    EXPECT_THAT(store_->locations(expected.instance.sop_instance_uid), ElementsAre(expected.location));
  }
  EXPECT_EQ(store_->result("1.2.3.7", model_.model_id), std::nullopt);
  EXPECT_EQ(store_->result("1.2.3.5", "another"), std::nullopt);
  EXPECT_EQ(store_->instance("1.2.3.7"), std::nullopt);
}

TEST_P(StoreContract, RoundsEmbeddingsNoFurtherThanPromised) {
  for (const float magnitude : {1e-30f, 1e-3f, 1.0f, 7e4f, 1e30f}) {
    Outcome outcome = sample_outcome(1, model_);
    for (std::size_t i = 0; i < outcome.result.embedding.size(); ++i)
      outcome.result.embedding[i] = magnitude * (i % 2 == 0 ? 1.0f : -1.0f) / float(3 * i + 1);
    store_->commit({{outcome}, {}, {}, {}});
    const std::vector<float> found = store_->result("1.2.3.1", model_.model_id)->result.embedding;
    ASSERT_EQ(found.size(), outcome.result.embedding.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      const float value = outcome.result.embedding[i];
      EXPECT_NEAR(found[i] / value, 1, std::ldexp(1.0, -11)) << magnitude << " " << i;
    }
  }
}

TEST_P(StoreContract, RepetitionChangesNothing) {
  put(1);
  const auto before = store_->result("1.2.3.1", model_.model_id);
  clock_.advance(1h);
  EXPECT_EQ(put(1).stored, 1u);
  const auto after = store_->result("1.2.3.1", model_.model_id);
  EXPECT_EQ(before->row, after->row);
  EXPECT_EQ(before->sequence, after->sequence);
  EXPECT_EQ(before->stored_at, after->stored_at);
  EXPECT_EQ(store_->models()[0].results, 1u);
}

TEST_P(StoreContract, ReplacingKeepsTheRowAndGrowsTheSequence) {
  put(1);
  put(2);
  const auto before = store_->result("1.2.3.1", model_.model_id);
  Outcome changed = sample_outcome(1, model_);
  changed.result.embedding[3] = 9;
  store_->commit({{changed}, {}, {}, {}});
  const auto after = store_->result("1.2.3.1", model_.model_id);
  EXPECT_EQ(after->row, before->row);
  EXPECT_GT(after->sequence, before->sequence);
  EXPECT_EQ(after->result.embedding[3], 9);
  EXPECT_EQ(store_->models()[0].results, 2u);
}

TEST_P(StoreContract, FindsAStudyAndRows) {
  for (int number : {2, 3, 4}) put(number);
  const auto study = store_->study("1.2.5.1", model_.model_id);
  ASSERT_THAT(study, SizeIs(2));
  EXPECT_EQ(study[0].instance, sample_instance(2));
  EXPECT_EQ(study[1].instance, sample_instance(3));
  const std::vector<std::int64_t> wanted{study[1].row, 999'999, study[0].row};
  const auto rows = store_->rows(model_.model_id, wanted);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].instance, sample_instance(3));
  EXPECT_EQ(rows[1].instance, sample_instance(2));
  EXPECT_THAT(store_->rows("another", wanted), IsEmpty());
}

TEST_P(StoreContract, TwoModelsNeverMix) {
  ModelRecord other = sample_model("model-b");
  other.embedding_size = 3;
  other.finding_labels = {};
  store_->add_model(other);
  put(1);
  put(1, other);
  EXPECT_EQ(store_->result("1.2.3.1", "model-a")->result.embedding.size(), 12u);
  EXPECT_EQ(store_->result("1.2.3.1", "model-b")->result.embedding.size(), 3u);
  EXPECT_THAT(history(0, "model-a"), SizeIs(1));
  EXPECT_THAT(history(0, "model-b"), SizeIs(1));
}

// ---- odd input ----

TEST_P(StoreContract, RefusesVectorsThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<std::vector<float>> odd{{},
                                            {1, 2},
                                            std::vector<float>(12, 0),
                                            std::vector<float>(12, nan),
                                            std::vector<float>(12, infinity),
                                            std::vector<float>(16001, 1)};
  for (const std::vector<float>& embedding : odd) {
    Outcome outcome = sample_outcome(1, model_);
    outcome.result.embedding = embedding;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
    EXPECT_THAT(message_, HasSubstr("embedding"));
  }
  for (const float probability : {-0.1f, 1.1f, nan}) {
    Outcome outcome = sample_outcome(1, model_);
    outcome.result.finding_probabilities[1] = probability;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
}

TEST_P(StoreContract, RefusesTextThatIsNone) {
  using namespace std::string_literals;
  for (const std::string& text : {"a\0b"s, "\xff\xfe"s, "\xc3"s, "\xed\xa0\x80"s, "\xc0\x80"s, std::string(257, 'x')}) {
    Outcome outcome = sample_outcome(1, model_);
    outcome.instance.institution = text;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
    EXPECT_THAT(message_, HasSubstr("institution"));
    outcome = sample_outcome(1, model_);
    outcome.instance.sop_instance_uid = text;
    EXPECT_EQ(refusal(outcome), ErrorCode::kInvalidArgument);
  }
  Outcome nameless = sample_outcome(1, model_);
  nameless.instance.sop_instance_uid = "";
  EXPECT_EQ(refusal(nameless), ErrorCode::kInvalidArgument);
  Outcome secret = sample_outcome(1, model_);
  secret.instance.patient_key = "Mustermann\xff";
  EXPECT_EQ(refusal(secret), ErrorCode::kInvalidArgument);
  EXPECT_THAT(message_, Not(HasSubstr("Mustermann")));
}

TEST_P(StoreContract, AcceptsWhatIsUnusualButRight) {
  Outcome outcome = sample_outcome(1, model_);
  outcome.instance.sop_instance_uid = std::string(256, '9');
  outcome.instance.institution = "\xe2\x82\xac \xf0\x9f\xa9\xbb $1 ?1 {vector} %s";
  outcome.instance.study_instance_uid = "";
  store_->commit({{outcome}, {}, {}, {}});
  EXPECT_EQ(store_->instance(std::string(256, '9')), outcome.instance);

  ModelRecord large = sample_model("large");
  large.embedding_size = 16000;
  store_->add_model(large);
  put(2, large);
  EXPECT_EQ(store_->result("1.2.3.2", "large")->result, test::sample_result(2, large));
}

TEST_P(StoreContract, UnknownModelsAreNamed) {
  Outcome outcome = sample_outcome(1, sample_model("unheard-of"));
  EXPECT_EQ(refusal(outcome), ErrorCode::kNotFound);
  EXPECT_THAT(message_, HasSubstr("unheard-of"));
  EXPECT_EQ(capture([&] { return store_->claim({"unheard-of", "me"}); }).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(capture([&] { return store_->changes("unheard-of", 0, 1); }).error().code(), ErrorCode::kNotFound);
}

TEST_P(StoreContract, ABatchHappensWholeOrNotAtAll) {
  Batch batch{{sample_outcome(1, model_), sample_outcome(2, model_)}, {}, {}, CursorAdvance{"server-1", 0, 10}};
  batch.outcomes[1].result.embedding.pop_back();
  EXPECT_FALSE(capture([&] { return store_->commit(batch); }).ok());
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
  EXPECT_EQ(store_->cursor("server-1"), 0u);
  EXPECT_EQ(store_->models()[0].last_sequence, 0u);
}

// ---- cursor ----

TEST_P(StoreContract, TheCursorMovesWithItsResultsAndOnlyFromWhereItWas) {
  EXPECT_EQ(store_->cursor("server-1"), 0u);
  store_->commit({{sample_outcome(1, model_)}, {}, {}, CursorAdvance{"server-1", 0, 10}});
  EXPECT_EQ(store_->cursor("server-1"), 10u);
  EXPECT_EQ(store_->cursor("server-2"), 0u);
  for (const CursorAdvance& wrong : {CursorAdvance{"server-1", 0, 20}, {"server-1", 9, 20}, {"server-2", 10, 20}}) {
    const auto result = capture([&] { return store_->commit({{sample_outcome(2, model_)}, {}, {}, wrong}); });
    EXPECT_EQ(result.error().code(), ErrorCode::kConflict);
  }
  EXPECT_EQ(store_->instance("1.2.3.2"), std::nullopt);
  store_->commit({{}, {}, {}, CursorAdvance{"server-1", 10, 11}});
  reopen();
  EXPECT_EQ(store_->cursor("server-1"), 11u);
}

// ---- work ----

TEST_P(StoreContract, WorkIsClaimedArrivalsFirstAndOnce) {
  EXPECT_EQ(queue(1, 3, Priority::kBackfill).enqueued, 3u);
  EXPECT_EQ(queue(10, 11).enqueued, 2u);
  EXPECT_EQ(queue(10, 11).enqueued, 0u);  // they are waiting already
  std::vector<int> order;
  for (const ClaimedWork& work : claim(4)) order.push_back(number_of(work.location));
  EXPECT_THAT(order, ElementsAre(10, 11, 1, 2));
  const auto rest = claim(10);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].location, sample_location(3));
  EXPECT_EQ(rest[0].attempts, 1u);
  EXPECT_THAT(claim(10), IsEmpty());
}

TEST_P(StoreContract, DoneWorkLeavesTheQueue) {
  queue(1, 1);
  const auto work = claim(1);
  const CommitReport report = store_->commit({{done(work[0], 1, model_)}, {}, {}, {}});
  EXPECT_EQ(report.stored, 1u);
  EXPECT_EQ(store_->models()[0].queued, 0u);
  clock_.advance(1h);
  EXPECT_THAT(claim(1), IsEmpty());
  EXPECT_EQ(queue(1, 1).enqueued, 1u);  // it arrived again: it may have been overwritten
}

TEST_P(StoreContract, ALostLeaseStoresNothing) {
  queue(1, 1);
  const auto first = claim(1);
  EXPECT_TRUE(store_->extend_lease(first[0].lease, 90s));
  clock_.advance(80s);
  EXPECT_THAT(claim(1), IsEmpty());
  clock_.advance(20s);
  const auto second = claim(1, "worker-2");
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].attempts, 2u);
  EXPECT_FALSE(store_->extend_lease(first[0].lease, 90s));
  const CommitReport late = store_->commit({{done(first[0], 1, model_)}, {}, {}, {}});
  EXPECT_THAT(late.stale, ElementsAre(0u));
  EXPECT_EQ(late.stored, 0u);
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
  EXPECT_EQ(store_->commit({{done(second[0], 1, model_)}, {}, {}, {}}).stored, 1u);
  EXPECT_EQ(store_->commit({{done(second[0], 1, model_)}, {}, {}, {}}).stored, 0u);
}

TEST_P(StoreContract, AnExpiredLeaseThatNobodyTookStillCounts) {
  queue(1, 1);
  const auto work = claim(1);
  clock_.advance(1h);
  EXPECT_EQ(store_->commit({{done(work[0], 1, model_)}, {}, {}, {}}).stored, 1u);
}

TEST_P(StoreContract, FailedWorkWaitsIsRetriedAndParked) {
  queue(1, 1);
  Outcome failed = done(claim(1)[0], 1, model_);
  failed.kind = Outcome::Kind::kRetry;
  failed.reason_code = "decode-failed";
  failed.reason = "the codestream ends early";
  failed.retry_at = clock_.wall() + 30s;
  EXPECT_EQ(store_->commit({{failed}, {}, {}, {}}).stored, 1u);
  EXPECT_THAT(claim(1), IsEmpty());
  const auto troubles = store_->troubles(WorkState::kQueued, 10);
  ASSERT_THAT(troubles, SizeIs(1));
  EXPECT_EQ(troubles[0].location, sample_location(1));
  EXPECT_EQ(troubles[0].model_id, model_.model_id);
  EXPECT_EQ(troubles[0].attempts, 1u);
  EXPECT_EQ(troubles[0].reason_code, "decode-failed");
  EXPECT_EQ(troubles[0].next_try, clock_.wall() + 30s);
  EXPECT_EQ(troubles[0].failed_at, clock_.wall());

  clock_.advance(30s);
  Outcome parked = done(claim(1).at(0), 1, model_);
  parked.kind = Outcome::Kind::kParked;
  parked.reason_code = "decode-failed";
  store_->commit({{parked}, {}, {}, {}});
  clock_.advance(24h);
  EXPECT_THAT(claim(1), IsEmpty());
  EXPECT_THAT(store_->troubles(WorkState::kQueued, 10), IsEmpty());
  ASSERT_THAT(store_->troubles(WorkState::kParked, 10), SizeIs(1));
  EXPECT_EQ(store_->models()[0].parked, 1u);

  EXPECT_TRUE(store_->retry(store_->troubles({}, 10)[0].work));
  EXPECT_EQ(claim(1).at(0).attempts, 1u);
  EXPECT_FALSE(store_->retry(123'456));
}

TEST_P(StoreContract, WorkThatKillsItsWorkersIsParked) {
  queue(1, 2);
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_THAT(claim(2), SizeIs(2));
    clock_.advance(61s);
  }
  EXPECT_THAT(claim(2), IsEmpty());
  const auto parked = store_->troubles(WorkState::kParked, 10);
  ASSERT_THAT(parked, SizeIs(2));
  EXPECT_EQ(parked[0].reason_code, "worker-died");
}

TEST_P(StoreContract, SkippedObjectsKeepTheirReason) {
  Outcome skipped = sample_outcome(1, model_);  // handed over directly, never queued
  skipped.kind = Outcome::Kind::kSkipped;
  skipped.reason_code = "not-a-chest-radiograph";
  for (int repetition = 0; repetition < 2; ++repetition) store_->commit({{skipped}, {}, {}, {}});
  ASSERT_THAT(store_->troubles(WorkState::kSkipped, 10), SizeIs(1));
  EXPECT_EQ(store_->troubles({}, 10)[0].reason_code, "not-a-chest-radiograph");
  EXPECT_THAT(claim(1), IsEmpty());
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
  put(1);  // overwritten with a chest radiograph
  EXPECT_THAT(store_->troubles({}, 10), IsEmpty());
}

TEST_P(StoreContract, ConcurrentWorkersNeverGetTheSameItem) {
  constexpr int kItems = 120;
  constexpr int kWorkers = 4;
  queue(1, kItems);
  std::vector<std::vector<int>> taken(kWorkers);
  std::vector<std::unique_ptr<Store>> stores;  // as separate processes would have
  for (int i = 0; i < kWorkers; ++i) stores.push_back(open());
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&, i] {
      for (;;) {
        const auto works = stores[std::size_t(i)]->claim({model_.model_id, "worker-" + std::to_string(i), 3, 60s, 3});
        if (works.empty()) return;
        Batch batch;
        for (const ClaimedWork& work : works) {
          taken[std::size_t(i)].push_back(number_of(work.location));
          batch.outcomes.push_back(done(work, number_of(work.location), model_));
        }
        EXPECT_EQ(stores[std::size_t(i)]->commit(batch).stored, works.size());
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::multiset<int> all;
  for (const auto& some : taken) all.insert(some.begin(), some.end());
  EXPECT_EQ(all.size(), std::size_t(kItems));
  EXPECT_EQ(std::set<int>(all.begin(), all.end()).size(), std::size_t(kItems));
  EXPECT_EQ(store_->models()[0].results, std::uint64_t(kItems));
  std::set<std::uint64_t> sequences;
  for (const Change& change : history()) sequences.insert(change.sequence);
  EXPECT_EQ(sequences.size(), std::size_t(kItems));
  EXPECT_THAT(store_->verify(), IsEmpty());
}

TEST_P(StoreContract, ConcurrentWritersOfTheSameInstanceAgree) {
  std::vector<std::unique_ptr<Store>> stores;
  for (int i = 0; i < 4; ++i) stores.push_back(open());
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        Outcome outcome = sample_outcome(1, model_);
        outcome.location = sample_location(1, "server-" + std::to_string(i));
        outcome.result.embedding[0] = float(1 + (i + round) % 3);
        EXPECT_EQ(stores[std::size_t(i)]->commit({{outcome}, {}, {}, {}}).stored, 1u);
        if (round % 3 == i % 3) stores[std::size_t(i)]->commit({{}, {}, {outcome.location}, {}});
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_LE(store_->models()[0].results, 1u);
  EXPECT_THAT(store_->verify(), IsEmpty());
}

// ---- deletion ----

TEST_P(StoreContract, RemovalLeavesNoTraceButARowNumber) {
  ModelRecord other = sample_model("model-b");
  store_->add_model(other);
  put(1);
  put(1, other);
  put(2);
  queue(1, 1);
  const std::int64_t row = store_->result("1.2.3.1", "model-a")->row;
  const std::uint64_t seen = store_->changes("model-a", 0, 10).last_sequence;
  EXPECT_TRUE(store_->remove_instance("1.2.3.1"));
  EXPECT_FALSE(store_->remove_instance("1.2.3.1"));
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
  EXPECT_EQ(store_->instance_at("server-1", "instance-1"), std::nullopt);
  EXPECT_EQ(store_->result("1.2.3.1", "model-b"), std::nullopt);
  EXPECT_THAT(store_->locations("1.2.3.1"), IsEmpty());
  EXPECT_THAT(claim(1), IsEmpty());
  const auto changes = history(seen);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].row, row);
  EXPECT_FALSE(changes[0].result);
  put(1);
  EXPECT_NE(store_->result("1.2.3.1", "model-a")->row, row);
  EXPECT_THAT(store_->verify(), IsEmpty());
}

TEST_P(StoreContract, AnInstanceStaysWhileACopyIsLeft) {
  put(1);
  Outcome elsewhere = sample_outcome(1, model_);
  elsewhere.location = sample_location(1, "server-2");
  store_->commit({{elsewhere}, {}, {}, {}});
  EXPECT_THAT(store_->locations("1.2.3.1"), SizeIs(2));
  EXPECT_EQ(store_->commit({{}, {}, {sample_location(1)}, {}}).removed, 0u);
  EXPECT_TRUE(store_->result("1.2.3.1", model_.model_id));
  EXPECT_EQ(store_->commit({{}, {}, {sample_location(1, "server-2")}, {}}).removed, 1u);
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
}

TEST_P(StoreContract, WhatIsRemovedWhileItIsWorkedOnStaysAway) {
  queue(1, 1);
  const auto work = claim(1);
  store_->commit({{}, {}, {sample_location(1)}, {}});
  EXPECT_THAT(store_->commit({{done(work[0], 1, model_)}, {}, {}, {}}).stale, ElementsAre(0u));
  EXPECT_EQ(store_->instance("1.2.3.1"), std::nullopt);
}

// ---- changes ----

TEST_P(StoreContract, ChangesRebuildAnIndexAndCatchUp) {
  for (int number = 1; number <= 7; ++number) put(number);
  store_->remove_instance("1.2.3.3");
  Outcome changed = sample_outcome(5, model_);
  changed.instance.sex = "O";  // filters see it, so it is a change
  store_->commit({{changed}, {}, {}, {}});

  std::set<std::int64_t> index;
  std::uint64_t seen = 0;
  for (;;) {
    const ChangePage page = store_->changes(model_.model_id, seen, 2);
    EXPECT_FALSE(page.must_rebuild);
    if (page.changes.empty()) {
      EXPECT_EQ(page.last_sequence, seen);
      break;
    }
    EXPECT_LE(page.changes.size(), 2u);
    for (const Change& change : page.changes) {
      EXPECT_GT(change.sequence, seen);
      seen = change.sequence;
      change.result ? void(index.insert(change.row)) : void(index.erase(change.row));
    }
  }
  EXPECT_EQ(index.size(), 6u);
  const auto newest = history(seen - 1);
  ASSERT_THAT(newest, SizeIs(1));
  EXPECT_EQ(newest[0].result->instance.sex, "O");
  EXPECT_EQ(newest[0].result->result.embedding, changed.result.embedding);
}

TEST_P(StoreContract, ForgottenDeletionsAreAdmitted) {
  for (int number = 1; number <= 3; ++number) put(number);
  store_->remove_instance("1.2.3.1");
  put(4);
  const std::uint64_t last = store_->changes(model_.model_id, 0, 1).last_sequence;
  store_->prune_tombstones(model_.model_id, last);
  EXPECT_TRUE(store_->changes(model_.model_id, 1, 10).must_rebuild);
  EXPECT_FALSE(store_->changes(model_.model_id, last, 10).must_rebuild);
  EXPECT_FALSE(store_->changes(model_.model_id, 0, 10).must_rebuild);
  EXPECT_THAT(history(), SizeIs(3));
}

TEST_P(StoreContract, AReaderNeverMissesAChangeMadeBehindItsBack) {
  constexpr int kEach = 60;
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&, i] {
      const auto store = open();
      for (int k = 0; k < kEach; ++k) store->commit({{sample_outcome(1000 * i + k, model_)}, {}, {}, {}});
    });
  }
  std::set<std::int64_t> seen;
  std::uint64_t last = 0;
  for (int idle = 0; seen.size() < 3 * kEach && idle < 20'000; ++idle) {
    for (const Change& change : store_->changes(model_.model_id, last, 10).changes) {
      seen.insert(change.row);
      last = change.sequence;
      idle = 0;
    }
  }
  for (std::thread& writer : writers) writer.join();
  for (const Change& change : history(last)) seen.insert(change.row);
  EXPECT_EQ(seen.size(), std::size_t(3 * kEach));
}

// ---- models ----

TEST_P(StoreContract, SwitchingModelsIsRecorded) {
  EXPECT_EQ(store_->active_model(), std::nullopt);
  store_->add_model(sample_model("model-b"));
  store_->add_model(sample_model("model-b"));
  store_->activate_model("model-a", "installer", "");
  clock_.advance(1min);
  store_->activate_model("model-b", "admin", "better");
  store_->activate_model("model-b", "admin", "again");
  reopen();
  EXPECT_EQ(store_->active_model(), "model-b");
  const auto audit = store_->audit(10);
  ASSERT_THAT(audit, SizeIs(4));  // two added, two activated
  EXPECT_EQ(audit[0].event, "activated");
  EXPECT_EQ(audit[0].model_id, "model-b");
  EXPECT_EQ(audit[0].previous_model_id, "model-a");
  EXPECT_EQ(audit[0].actor, "admin");
  EXPECT_EQ(audit[0].note, "better");
  EXPECT_EQ(audit[0].at, clock_.wall());
  EXPECT_THAT(store_->audit(1), SizeIs(1));
  EXPECT_EQ(capture([&] { store_->activate_model("model-x", "", ""); }).error().code(), ErrorCode::kNotFound);
}

TEST_P(StoreContract, AnotherModelUnderAKnownIdIsRefused) {
  ModelRecord other = model_;
  other.embedding_size += 1;
  EXPECT_EQ(capture([&] { store_->add_model(other); }).error().code(), ErrorCode::kConflict);
  other = model_;
  other.finding_labels.pop_back();
  EXPECT_EQ(capture([&] { store_->add_model(other); }).error().code(), ErrorCode::kConflict);
  other = sample_model("zero");
  other.embedding_size = 0;
  EXPECT_EQ(capture([&] { store_->add_model(other); }).error().code(), ErrorCode::kInvalidArgument);
}

TEST_P(StoreContract, DroppingAModelTakesItsResults) {
  store_->add_model(sample_model("model-b"));
  put(1);
  put(1, sample_model("model-b"));
  queue(5, 6);
  store_->activate_model("model-a", "", "");
  EXPECT_EQ(capture([&] { store_->drop_model("model-a", ""); }).error().code(), ErrorCode::kConflict);
  store_->activate_model("model-b", "", "");
  store_->drop_model("model-a", "admin");
  EXPECT_THAT(store_->models(), SizeIs(1));
  EXPECT_EQ(store_->result("1.2.3.1", "model-a"), std::nullopt);
  EXPECT_TRUE(store_->result("1.2.3.1", "model-b"));
  EXPECT_EQ(store_->audit(1)[0].event, "dropped");
  EXPECT_THAT(store_->verify(), IsEmpty());
}

TEST_P(StoreContract, ANewModelGetsTheWholeArchiveQueued) {
  for (int number = 1; number <= 5; ++number) put(number);
  Outcome copy = sample_outcome(2, model_);
  copy.location = sample_location(2, "server-2");
  store_->commit({{copy}, {}, {}, {}});
  const ModelRecord next = sample_model("model-b");
  store_->add_model(next);
  put(4, next);
  EXPECT_EQ(store_->enqueue_missing("model-b"), 4u);
  EXPECT_EQ(store_->enqueue_missing("model-b"), 0u);
  const auto works = store_->claim({"model-b", "worker", 100, 60s, 3});
  std::vector<int> numbers;
  for (const ClaimedWork& work : works) {
    numbers.push_back(number_of(work.location));
    EXPECT_EQ(work.priority, Priority::kBackfill);
    EXPECT_EQ(work.location.server, "server-1");
  }
  EXPECT_THAT(numbers, testing::UnorderedElementsAre(1, 2, 3, 5));
}

// ---- care ----

TEST_P(StoreContract, InfoCounts) {
  for (int number : {2, 3, 4}) put(number);
  queue(10, 11);
  store_->activate_model(model_.model_id, "", "");
  const StoreInfo info = store_->info();
  EXPECT_EQ(info.backend, GetParam());
  EXPECT_EQ(info.instances, 3u);
  EXPECT_EQ(info.studies, 2u);
  EXPECT_GT(info.size_bytes, 10'000u);
  ASSERT_THAT(info.models, SizeIs(1));
  EXPECT_EQ(info.models[0].model, model_);
  EXPECT_TRUE(info.models[0].active);
  EXPECT_EQ(info.models[0].results, 3u);
  EXPECT_EQ(info.models[0].queued, 2u);
  EXPECT_EQ(info.models[0].last_sequence, 3u);
}

TEST_P(StoreContract, BackupIsAWholeStoreMadeWhileWritingGoesOn) {
  for (int number = 1; number <= 20; ++number) put(number);
  store_->remove_instance("1.2.3.20");
  store_->commit({{}, {{sample_location(30), model_.model_id}}, {}, CursorAdvance{"server-1", 0, 5}});
  const std::int64_t row = store_->result("1.2.3.7", model_.model_id)->row;
  const test::TemporaryFolder folder;
  std::jthread writer([&](std::stop_token stop) {
    for (int number = 100; !stop.stop_requested() && number < 2000; ++number) put(number);
  });
  store_->backup(folder / "backup.sqlite");
  writer.request_stop();
  writer.join();
  EXPECT_EQ(capture([&] { store_->backup(folder / "backup.sqlite"); }).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);

  const auto copy = open_store(folder / "backup.sqlite");
  EXPECT_THAT(copy->verify(), IsEmpty());
  EXPECT_EQ(copy->result("1.2.3.7", model_.model_id)->row, row);
  EXPECT_EQ(copy->result("1.2.3.7", model_.model_id)->result, test::sample_result(7, model_));
  EXPECT_EQ(copy->cursor("server-1"), 5u);
  EXPECT_EQ(copy->instance("1.2.3.20"), std::nullopt);
  const ModelState state = copy->models()[0];
  EXPECT_GE(state.results, 19u);
  EXPECT_EQ(state.results + 2, state.last_sequence);  // one snapshot: the removed result and its tombstone are the two
  EXPECT_EQ(state.queued, 1u);
}

TEST_P(StoreContract, OpeningSayWhatIsWrong) {
  store_.reset();
  StoreOptions must_exist;
  must_exist.create = false;
  must_exist.patience = 100ms;
  const std::string nowhere = test::backend_named(GetParam()).fresh_location();
  EXPECT_EQ(capture([&] { return open_store(nowhere, must_exist); }).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(capture([&] { return open_store(location_, must_exist); }).ok());
}

TEST(StoreCopy, MovesBetweenTheBackendsAndBack) {
  ManualClock clock(Clock::WallTime(1h));
  StoreOptions options;
  options.clock = &clock;
  const std::string sqlite = test::backend_named("sqlite").fresh_location();
  const std::string postgres = test::backend_named("postgresql").fresh_location();
  const std::string back = test::backend_named("sqlite").fresh_location();
  const ModelRecord model = sample_model();
  {
    const auto store = open_store(sqlite, options);
    store->add_model(model);
    store->activate_model(model.model_id, "me", "note");
    for (int number = 1; number <= 30; ++number) store->commit({{sample_outcome(number, model)}, {}, {}, {}});
    store->remove_instance("1.2.3.30");
    Batch batch;
    for (int number = 40; number < 45; ++number) batch.arrivals.push_back({sample_location(number), model.model_id});
    batch.cursor = CursorAdvance{"server-1", 0, 77};
    store->commit(batch);
  }
  copy_store(sqlite, postgres, options);
  EXPECT_EQ(capture([&] { copy_store(sqlite, postgres, options); }).error().code(), ErrorCode::kConflict);
  copy_store(postgres, back, options);
  const auto first = open_store(sqlite, options);
  for (const std::string& place : {postgres, back}) {
    const auto copy = open_store(place, options);
    EXPECT_THAT(copy->verify(), IsEmpty());
    EXPECT_EQ(copy->cursor("server-1"), 77u);
    EXPECT_EQ(copy->active_model(), model.model_id);
    EXPECT_THAT(copy->audit(10), SizeIs(first->audit(10).size()));
    const auto expected = first->changes(model.model_id, 0, 1000).changes;
    const auto found = copy->changes(model.model_id, 0, 1000).changes;
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].sequence, expected[i].sequence);
      EXPECT_EQ(found[i].row, expected[i].row);
      ASSERT_EQ(found[i].result.has_value(), expected[i].result.has_value());
      if (!found[i].result) continue;
      EXPECT_EQ(found[i].result->instance, expected[i].result->instance);
      EXPECT_EQ(found[i].result->result, expected[i].result->result);
    }
    copy->commit({{sample_outcome(31, model)}, {}, {}, {}});
    EXPECT_GT(copy->result("1.2.3.31", model.model_id)->row, expected.back().row);  // never a used number
    EXPECT_THAT(copy->claim({model.model_id, "worker", 100, 60s, 3}), SizeIs(5));
  }
}

}  // namespace
}  // namespace chexworld
