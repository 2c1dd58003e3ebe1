// SPDX-License-Identifier: Apache-2.0
//
// The contract of the store: deletion, and what indexes follow.
#include "store_contract.h"

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

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

}  // namespace
}  // namespace chexworld::test
