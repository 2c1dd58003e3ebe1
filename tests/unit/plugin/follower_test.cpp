// SPDX-License-Identifier: Apache-2.0
//
// Follower and feeder against a made-up archive and a worker that only keeps books.
#include "orthanc-plugin/follower.h"
#include "made_parts.h"
#include "orthanc-plugin/feeder.h"
#include "support/process.h"

#include <gmock/gmock.h>
#include <thread>

namespace chexworld::plugin {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

class FollowerTest : public testing::Test {
 protected:
  ~FollowerTest() override {
    worker_.abort();
    follower_->stop();
    feeder_->stop();
  }
  void start() {
    follower_ = std::make_unique<Follower>(archive_, worker_, 20ms, [this] { feeder_->wake(); });
    feeder_ = std::make_unique<Feeder>(archive_, worker_, options_,
                                       [this](const std::string& id) { follower_->removed(id); });
    follower_->start();
  }
  bool has_results(std::size_t count) {
    return wait_until([&] { return worker_.results().size() == count; }, 20s);
  }

  FeederOptions options_{.senders = 2};
  MadeArchive archive_;
  MadeWorker worker_;
  std::unique_ptr<Feeder> feeder_;
  std::unique_ptr<Follower> follower_;
};

TEST_F(FollowerTest, HandsEveryNewInstanceOverOnce) {
  for (int i = 0; i < 1200; ++i) archive_.add("i" + std::to_string(i));
  start();
  ASSERT_TRUE(has_results(1200));
  EXPECT_EQ(worker_.cursor(), 1200u);
  archive_.add("late");
  ASSERT_TRUE(has_results(1201));
  for (const auto& [file, count] : worker_.results()) EXPECT_EQ(count, 1) << file;
}

TEST_F(FollowerTest, FindsManyArrivalsInFewLooks) {
  start();
  ASSERT_TRUE(wait_until([&] { return archive_.looks() > 0; }, 20s));
  const auto begin = std::chrono::steady_clock::now();
  const int before = archive_.looks();
  for (int i = 0; i < 200; ++i) {
    archive_.add("i" + std::to_string(i));
    follower_->wake();
    std::this_thread::sleep_for(1ms);
  }
  const int looks = archive_.looks() - before;
  const auto tenths = (std::chrono::steady_clock::now() - begin) / 100ms;
  EXPECT_LE(looks, tenths + 2) << "one in a tenth of a second";
  EXPECT_TRUE(has_results(200));
}

TEST_F(FollowerTest, CatchesUpOnceTheWorkerIsBack) {
  worker_.set_down(true);
  start();
  archive_.add("a");
  archive_.add("b");
  EXPECT_TRUE(wait_until([&] { return !follower_->state().trouble.empty(); }, 5s));
  worker_.set_down(false);
  EXPECT_TRUE(has_results(2));
  EXPECT_EQ(follower_->state().trouble, "");
}

TEST_F(FollowerTest, HandsOverAgainWhatWasLostWithAConnection) {
  start();
  worker_.lose_next(2);
  archive_.add("a");
  EXPECT_TRUE(has_results(1));
  EXPECT_EQ(feeder_->state().repeated, 2u);
}

TEST_F(FollowerTest, TellsWhatIsGone) {
  archive_.add("a");
  archive_.add("b");
  archive_.clear_log();
  start();
  archive_.remove("a");
  follower_->removed("a");
  EXPECT_TRUE(wait_until([&] { return worker_.removed() == std::vector<std::string>{"a"}; }, 5s));
  follower_->process({"a"});  // gone before its turn
  EXPECT_TRUE(wait_until([&] { return worker_.removed().size() == 2; }, 5s));
  EXPECT_EQ(feeder_->state().gone, 1u);
}

TEST_F(FollowerTest, KeepsWhatWasOnlyOverwritten) {
  start();
  archive_.add("a");
  follower_->removed("a");
  EXPECT_TRUE(has_results(1));
  archive_.add("b");
  EXPECT_TRUE(has_results(2));
  EXPECT_TRUE(worker_.removed().empty());
}

TEST_F(FollowerTest, ABackfillWalksTheArchive) {
  for (int i = 0; i < 700; ++i) archive_.add("i" + std::to_string(i));
  archive_.clear_log();
  start();
  EXPECT_TRUE(follower_->backfill());
  EXPECT_TRUE(has_results(700));
  EXPECT_TRUE(wait_until([&] { return !follower_->state().backfilling; }, 5s));
  EXPECT_EQ(follower_->state().backfill, 700u);
}

TEST_F(FollowerTest, ASlowBackfillHoldsUpNoArrivals) {
  options_.backfill_per_second = 0.001;  // the first claim takes some, then none for the time of this test
  for (int i = 0; i < 50; ++i) archive_.add("old" + std::to_string(i));
  archive_.clear_log();
  start();
  EXPECT_TRUE(follower_->backfill());
  ASSERT_TRUE(wait_until([&] { return !worker_.results().empty(); }, 20s));
  for (int i = 0; i < 20; ++i) archive_.add("new" + std::to_string(i));
  const auto arrived = [&] {
    std::size_t count = 0;
    for (const auto& [file, times] : worker_.results()) count += file.starts_with("file of new");
    return count == 20;
  };
  EXPECT_TRUE(wait_until(arrived, 20s));
  EXPECT_LE(worker_.results().size(), 20u + 4u);
}

TEST_F(FollowerTest, BeginsAnewWhenTheStoreHasForgotten) {
  for (int i = 0; i < 5; ++i) archive_.add("i" + std::to_string(i));
  start();
  ASSERT_TRUE(has_results(5));
  ASSERT_TRUE(wait_until([&] { return worker_.cursor() == 5; }, 5s));
  worker_.forget();
  ASSERT_TRUE(has_results(5)) << "although nothing new arrives";
  EXPECT_TRUE(wait_until([&] { return worker_.cursor() == 5; }, 5s));
}

TEST_F(FollowerTest, GoesOnFromTheEndOfALogThatWasSetBack) {
  for (int i = 0; i < 5; ++i) archive_.add("i" + std::to_string(i));
  start();
  ASSERT_TRUE(has_results(5));
  ASSERT_TRUE(wait_until([&] { return worker_.cursor() == 5; }, 5s));
  archive_.set_back(2);
  ASSERT_TRUE(wait_until([&] { return worker_.cursor() == 2; }, 5s));
  archive_.add("new");
  EXPECT_TRUE(has_results(6));
}

}  // namespace
}  // namespace chexworld::plugin
