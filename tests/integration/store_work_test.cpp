// SPDX-License-Identifier: Apache-2.0
//
// The contract of the store: the cursor and the queue.
#include "store_contract.h"

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

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

TEST_P(StoreContract, ArrivalsCanBeClaimedAlone) {
  queue(1, 3, Priority::kBackfill);
  queue(10, 11);
  ClaimRequest request{model_.model_id, "worker-1", 5};
  request.least = Priority::kArrival;
  EXPECT_THAT(store_->claim(request), SizeIs(2));
  EXPECT_THAT(store_->claim(request), IsEmpty());
  EXPECT_THAT(claim(5), SizeIs(3));
}

TEST_P(StoreContract, InstancesOfAServerArePagedThrough) {
  EXPECT_THAT(store_->instances_of(sample_location(1).server, "", 10), IsEmpty());
  store_->commit({{sample_outcome(1, model_), sample_outcome(2, model_)}, {}, {}, {}});
  queue(2, 4);  // one of them has a result already
  const std::string server = sample_location(1).server;
  std::set<std::string> expected;
  for (int i = 1; i <= 4; ++i) expected.insert(sample_location(i).instance_id);
  std::vector<std::string> found;
  for (std::string after;;) {
    const auto page = store_->instances_of(server, after, 3);
    if (page.empty()) break;
    found.insert(found.end(), page.begin(), page.end());
    after = page.back();
  }
  EXPECT_THAT(found, testing::ElementsAreArray(expected));
  EXPECT_THAT(store_->instances_of("another-server", "", 10), IsEmpty());
  store_->commit({{}, {}, {sample_location(1), sample_location(4)}, {}});
  EXPECT_THAT(store_->instances_of(server, "", 10), SizeIs(2));
}

TEST_P(StoreContract, WorkOfOneServerIsClaimedByWhoeverAsksForItsServer) {
  Batch batch;
  Location elsewhere = sample_location(2);
  elsewhere.server = "another-server";
  batch.arrivals = {{sample_location(1), model_.model_id, Priority::kArrival},
                    {elsewhere, model_.model_id, Priority::kArrival}};
  store_->commit(batch);
  ClaimRequest request{model_.model_id, "plugin", 10, 60s, 3};
  request.server = "another-server";
  const auto work = store_->claim(request);
  ASSERT_THAT(work, SizeIs(1));
  EXPECT_EQ(work[0].location, elsewhere);
  request.server = "a-third-server";
  EXPECT_THAT(store_->claim(request), IsEmpty());
  EXPECT_THAT(claim(10), SizeIs(1));
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

}  // namespace
}  // namespace chexworld::test
