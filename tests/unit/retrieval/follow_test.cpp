// SPDX-License-Identifier: Apache-2.0
//
// Indexes follow their store: new, changed and deleted results, new models, and whatever happened to the files.
#include "archive.h"
#include "support/process.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

namespace chexworld::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Contains;
using testing::Each;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class RetrievalFollow : public Archive {
 protected:
  fs::path index_folder(const std::string& model = "model-a") const { return folder_ / "indexes" / model; }

  /// Loses what was not persisted, as a crash does: the files of now come back.
  void crash_after(const std::function<void()>& action) {
    fs::remove_all(folder_ / "kept");
    fs::copy(folder_ / "indexes", folder_ / "kept", fs::copy_options::recursive);
    action();
    retrieval_.reset();
    fs::remove_all(folder_ / "indexes");
    fs::rename(folder_ / "kept", folder_ / "indexes");
  }

  IndexProgress progress_of(const std::string& model) {
    for (IndexProgress& progress : retrieval_->progress())
      if (progress.index.model == model) return progress;
    ADD_FAILURE() << "no index of " << model;
    return {};
  }
};

TEST_F(RetrievalFollow, AnEmptyStoreHasNoIndexYet) {
  open_caught_up();
  EXPECT_EQ(retrieval_->serving_model(), "");
  SearchRequest request;
  request.positive.push_back(VectorExample{{1, 2, 3}});
  EXPECT_EQ(refusal([&] { retrieval_->search(request); }), ErrorCode::kUnavailable);
}

TEST_F(RetrievalFollow, NewChangedAndDeletedResults) {
  store(1, 120);
  open_caught_up();
  Outcome changed = outcome_of(3, archive_model());
  changed.result.embedding = embedding_of(999, archive_model());
  changed.instance.view = "AP";
  Batch batch;
  batch.outcomes.push_back(changed);
  store_->commit(batch);
  store_->remove_instance(uid(4));
  EXPECT_EQ(retrieval_->catch_up(), 2u);
  EXPECT_EQ(retrieval_->catch_up(), 0u);
  EXPECT_THAT(retrieval_->verify(), IsEmpty());
  SearchRequest request;
  request.positive.push_back(VectorExample{embedding_of(999, archive_model())});
  EXPECT_EQ(uids(answer(request)).at(0), uid(3));
  request.filter.views = {"AP"};
  EXPECT_THAT(answer(request).hits, SizeIs(1));
}

TEST_F(RetrievalFollow, WhatTheStoreHasDeletedIsNeverReturned) {
  store(1, 50);
  open_caught_up();
  const std::vector<std::string> before = uids(answer(like(uid(1), 5)));
  store_->remove_instance(before[0]);  // and the index has not heard of it
  const std::vector<std::string> after = uids(retrieval_->search(like(uid(1), 5)));
  EXPECT_THAT(after, Each(Not(before[0])));
  EXPECT_THAT(after, SizeIs(5)) << "another takes its place";
}

TEST_F(RetrievalFollow, AfterACrashTheLostChangesAreAppliedAgain) {
  store(1, 60);
  open_caught_up();
  retrieval_->persist();
  crash_after([&] {
    store(61, 130);
    store_->remove_instance(uid(5));
    retrieval_->catch_up();
  });
  open();
  EXPECT_THAT(retrieval_->verify(), Not(IsEmpty()));
  EXPECT_EQ(retrieval_->catch_up(), 71u) << "only what was lost";
  EXPECT_THAT(retrieval_->verify(), IsEmpty());
}

TEST_F(RetrievalFollow, ReopenedItGoesOnWhereItWas) {
  store(1, 60);
  open_caught_up();
  retrieval_->persist();
  open();
  EXPECT_EQ(retrieval_->catch_up(), 0u);
  EXPECT_THAT(retrieval_->verify(), IsEmpty());
}

TEST_F(RetrievalFollow, MissingOrDamagedFilesAreBuiltAgain) {
  store(1, 60);
  for (const bool missing : {true, false}) {
    open_caught_up();
    retrieval_->persist();
    retrieval_.reset();
    const fs::path file = index_folder() / "index.chx";
    ASSERT_TRUE(fs::exists(file));
    if (missing) {
      fs::remove_all(index_folder());
    } else {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(100);
      stream.write("damage", 6);
    }
    open();
    EXPECT_EQ(retrieval_->catch_up(), 60u);
    EXPECT_THAT(retrieval_->verify(), IsEmpty());
    answer(like(uid(1)));
  }
}

TEST_F(RetrievalFollow, OlderThanForgottenDeletionsItIsFilledAgain) {
  store(1, 60);
  open_caught_up();
  retrieval_->persist();
  crash_after([&] {
    for (int number = 1; number <= 20; ++number) store_->remove_instance(uid(number));
    store_->prune_tombstones("model-a", 1'000'000);
  });
  open();
  retrieval_->catch_up();
  EXPECT_THAT(retrieval_->verify(), IsEmpty());
  EXPECT_EQ(progress_of("model-a").index.rows, 40u);
}

TEST_F(RetrievalFollow, AnotherStoreIsNoticed) {
  store(1, 60);
  open_caught_up();
  retrieval_->persist();
  retrieval_.reset();
  store_ = open_store(folder_ / "other.sqlite");
  store(31, 40);  // fewer changes
  open_caught_up();
  EXPECT_EQ(progress_of("model-a").index.rows, 10u);
  retrieval_->persist();
  retrieval_.reset();
  store_ = open_store(folder_ / "third.sqlite");
  store_->add_model({"model-a", "made up", 8, {}});  // another size
  open_caught_up();
  EXPECT_EQ(progress_of("model-a").index.rows, 0u);
}

TEST_F(RetrievalFollow, LeftoversOfAKilledProcessAreRemoved) {
  store(1, 20);
  open_caught_up();
  retrieval_->persist();
  retrieval_.reset();
  const fs::path half = index_folder() / "index.chx.partial-Ab3dE6",
                 list = folder_ / "indexes" / "indexes.json.partial-Ab3dE6", nobody = folder_ / "indexes" / "dropped",
                 other = folder_ / "indexes" / "notes";
  std::ofstream(half) << "half";
  std::ofstream(list) << "half";
  fs::create_directories(nobody);
  std::ofstream(nobody / "vectors.f32") << "half";
  fs::create_directories(other);
  std::ofstream(other / "readme") << "not ours";
  open();
  for (const fs::path& gone : {half, list, nobody}) EXPECT_FALSE(fs::exists(gone)) << gone;
  EXPECT_TRUE(fs::exists(other / "readme"));
}

TEST_F(RetrievalFollow, OneProcessOwnsTheFolder) {
  store(1, 5);
  open_caught_up();
  RetrievalOptions options;
  options.folder = folder_ / "indexes";
  EXPECT_EQ(refusal([&] { Retrieval second(*store_, options); }), ErrorCode::kConflict);
}

TEST_F(RetrievalFollow, ANewModelTakesOverWhenItsIndexIsComplete) {
  const ModelRecord old = archive_model("model-a"), fresh = archive_model("model-new");
  store(1, 40, old);
  store_->activate_model(old.model_id, "test", "");
  open_caught_up();
  store_->add_model(fresh);
  store_->activate_model(fresh.model_id, "test", "");
  store(1, 39, fresh);
  store(101, 110, fresh);  // arrivals meanwhile: as many rows, but not the same
  retrieval_->catch_up();
  EXPECT_EQ(retrieval_->serving_model(), old.model_id);
  EXPECT_EQ(retrieval_->search(like(uid(1))).model_id, old.model_id);
  EXPECT_EQ(progress_of(fresh.model_id).index.rows, 49u);
  EXPECT_EQ(progress_of(fresh.model_id).index.goal, 50u);
  SearchRequest asked = like(uid(1));
  asked.model_id = fresh.model_id;  // by name it can be asked already
  EXPECT_EQ(retrieval_->search(asked).model_id, fresh.model_id);
  EXPECT_EQ(refusal([&] { retrieval_->drop_index(old.model_id); }), ErrorCode::kConflict);

  store(40, 40, fresh);
  retrieval_->catch_up();
  EXPECT_EQ(retrieval_->serving_model(), fresh.model_id);
  EXPECT_THAT(uids(retrieval_->search(like(uid(1), 49))), Contains(uid(105)));
  store_->drop_model(old.model_id, "test");
  retrieval_->catch_up();
  EXPECT_THAT(retrieval_->progress(), SizeIs(1));
  EXPECT_FALSE(fs::exists(index_folder(old.model_id)));
}

TEST_F(RetrievalFollow, ImagesThatTheNewModelGaveUpDoNotHoldUpTheSwitch) {
  const ModelRecord old = archive_model("model-a"), fresh = archive_model("model-new");
  store(1, 10, old);
  store_->activate_model(old.model_id, "test", "");
  open_caught_up();
  store_->add_model(fresh);
  store_->activate_model(fresh.model_id, "test", "");
  store(1, 9, fresh);
  Outcome given_up = outcome_of(10, fresh);
  given_up.kind = Outcome::Kind::kParked;
  given_up.reason_code = "decode-failed";
  Batch batch;
  batch.outcomes.push_back(given_up);
  store_->commit(batch);
  retrieval_->catch_up();
  EXPECT_EQ(retrieval_->serving_model(), fresh.model_id);
}

TEST_F(RetrievalFollow, TheWayBackByHand) {
  const ModelRecord old = archive_model("model-a"), fresh = archive_model("model-new");
  store(1, 10, old);
  store(1, 10, fresh);
  store_->activate_model(fresh.model_id, "test", "");
  open_caught_up();
  EXPECT_EQ(retrieval_->serving_model(), fresh.model_id);
  retrieval_->serve_model(old.model_id);
  retrieval_->catch_up();
  EXPECT_EQ(retrieval_->serving_model(), old.model_id);
  EXPECT_EQ(refusal([&] { retrieval_->serve_model("model-z"); }), ErrorCode::kNotFound);
}

TEST_F(RetrievalFollow, FollowsInTheBackgroundWhileSearched) {
  store(1, 20);
  open_caught_up();
  retrieval_->start();
  std::atomic<bool> done{false};
  std::jthread searcher([&] {
    while (!done) EXPECT_THAT(retrieval_->search(like(uid(1), 5)).hits, SizeIs(5));
  });
  for (int number = 21; number <= 120; number += 10) store(number, number + 9);
  for (int number = 30; number <= 60; ++number) store_->remove_instance(uid(number));
  EXPECT_TRUE(wait_until([&] { return progress_of("model-a").index.rows == 89; }, 30s));
  done = true;
  searcher.join();
  retrieval_.reset();  // persists
  open();
  EXPECT_EQ(retrieval_->catch_up(), 0u);
  EXPECT_THAT(retrieval_->verify(), IsEmpty());
}

}  // namespace
}  // namespace chexworld::test
