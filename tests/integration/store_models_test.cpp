// SPDX-License-Identifier: Apache-2.0
//
// The contract of the store: models and care.
#include "store_contract.h"

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

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

TEST_P(StoreContract, WhatWaitsForAModelWaitsForTheOneThatTakesOver) {
  store_->add_model(sample_model("model-b"));
  store_->activate_model("model-a", "", "");
  queue(1, 3);
  const auto held = claim(1);
  ASSERT_THAT(held, SizeIs(1));
  store_->activate_model("model-b", "", "");
  EXPECT_THAT(claim(100), IsEmpty());
  const auto moved = store_->claim({"model-b", "worker", 100, 60s, 3});
  ASSERT_THAT(moved, SizeIs(2));
  EXPECT_EQ(moved[0].priority, Priority::kArrival);

  // The one in hand ends with an answer of the old model; the new one is still owed.
  Outcome late = sample_outcome(number_of(held[0].location), model_);
  late.lease = held[0].lease;
  EXPECT_EQ(store_->commit({{late}, {}, {}, {}}).stored, 1u);
  EXPECT_EQ(store_->missing("model-b"), 1u);
  const auto owed = store_->claim({"model-b", "worker", 100, 60s, 3});
  ASSERT_THAT(owed, SizeIs(1));
  EXPECT_EQ(owed[0].location, held[0].location);
  EXPECT_THAT(store_->verify(), IsEmpty());
}

TEST_P(StoreContract, ALeaseLostAcrossAChangeOfModelsRunsOutAndIsClaimedAnew) {
  store_->add_model(sample_model("model-b"));
  store_->activate_model("model-a", "", "");
  queue(1, 1);
  ASSERT_THAT(claim(1, "worker that dies"), SizeIs(1));
  store_->activate_model("model-b", "", "");
  EXPECT_THAT(store_->claim({"model-b", "worker", 1, 60s, 3}), IsEmpty());
  clock_.advance(61s);
  EXPECT_THAT(store_->claim({"model-b", "worker", 1, 60s, 3}), SizeIs(1));
}

TEST_P(StoreContract, ASecondLookIsNotMovedToAModelThatHasLookedAlready) {
  store_->add_model(sample_model("model-b"));
  store_->activate_model("model-a", "", "");
  for (int number = 1; number <= 3; ++number) put(number);
  store_->activate_model("model-b", "", "");
  EXPECT_EQ(store_->enqueue_missing("model-b"), 3u);
  store_->activate_model("model-a", "", "");  // rolled back before it began
  EXPECT_THAT(claim(100), IsEmpty());
  EXPECT_THAT(store_->claim({"model-b", "worker", 100, 60s, 3}), SizeIs(3));
}

TEST_P(StoreContract, WhatANewModelLacksIsCounted) {
  const ModelRecord fresh = sample_model("model-b");
  store_->add_model(fresh);
  EXPECT_EQ(store_->missing(fresh.model_id), 0u);
  for (int number = 1; number <= 4; ++number) put(number);
  EXPECT_EQ(store_->missing(model_.model_id), 0u);
  EXPECT_EQ(store_->missing(fresh.model_id), 4u);
  put(1, fresh);
  put(9, fresh);  // an instance of its own does not make up for another
  EXPECT_EQ(store_->missing(fresh.model_id), 3u);
  EXPECT_EQ(store_->missing(model_.model_id), 1u);
  const auto give_up = [&](int number, Outcome::Kind kind) {
    Outcome outcome = sample_outcome(number, fresh);
    outcome.kind = kind;
    outcome.reason_code = "test";
    store_->commit({{outcome}, {}, {}, {}});
  };
  give_up(2, Outcome::Kind::kRetry);  // not given up
  EXPECT_EQ(store_->missing(fresh.model_id), 3u);
  give_up(2, Outcome::Kind::kParked);
  give_up(3, Outcome::Kind::kSkipped);
  EXPECT_EQ(store_->missing(fresh.model_id), 1u);
  EXPECT_FALSE(capture([&] { return store_->missing("unknown"); }).ok());
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
  const TemporaryFolder folder;
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
  EXPECT_EQ(copy->result("1.2.3.7", model_.model_id)->result, sample_result(7, model_));
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
  const std::string nowhere = backend_named(GetParam()).fresh_location();
  EXPECT_EQ(capture([&] { return open_store(nowhere, must_exist); }).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(capture([&] { return open_store(location_, must_exist); }).ok());
}

TEST(StoreCopy, MovesBetweenTheBackendsAndBack) {
  ManualClock clock(Clock::WallTime(1h));
  StoreOptions options;
  options.clock = &clock;
  const std::string sqlite = backend_named("sqlite").fresh_location();
  const std::string postgres = backend_named("postgresql").fresh_location();
  const std::string back = backend_named("sqlite").fresh_location();
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
}  // namespace chexworld::test
