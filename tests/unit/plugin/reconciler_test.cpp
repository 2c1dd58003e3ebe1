// SPDX-License-Identifier: Apache-2.0
#include "orthanc-plugin/reconciler.h"
#include "made_parts.h"
#include "support/process.h"

#include <gmock/gmock.h>

namespace chexworld::plugin {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

class ReconcilerTest : public testing::Test {
 protected:
  void start(const ReconcilerOptions& options) {
    reconciler_ = std::make_unique<Reconciler>(archive_, worker_, options, [this](const std::string& id) {
      const std::scoped_lock lock(mutex_);
      gone_.push_back(id);
    });
  }
  std::vector<std::string> gone() {
    const std::scoped_lock lock(mutex_);
    return gone_;
  }

  MadeArchive archive_;
  MadeWorker worker_;
  std::mutex mutex_;
  std::vector<std::string> gone_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, TellsWhatTheStoreKnowsAndTheArchiveDoesNotHold) {
  for (const char* id : {"a", "b", "c", "d", "e"}) worker_.know(id);
  for (const char* id : {"b", "c", "e", "never-seen"}) archive_.add(id);
  start({1h, 0});
  ASSERT_TRUE(wait_until([&] { return reconciler_->state().rounds == 1; }, 20s));
  EXPECT_THAT(gone(), testing::ElementsAre("a", "d"));
  EXPECT_EQ(reconciler_->state().checked, 5u);
  EXPECT_EQ(reconciler_->state().gone, 2u);
}

TEST_F(ReconcilerTest, ComparesAgainAfterTheIntervalAndAfterTrouble) {
  worker_.know("a");
  worker_.set_down(true);
  start({1ms, 0});
  worker_.set_down(false);
  EXPECT_TRUE(wait_until([&] { return reconciler_->state().rounds >= 2; }, 20s));
}

TEST_F(ReconcilerTest, StopsAtOnceWhileItHoldsItsRate) {
  for (const char* id : {"a", "b", "c"}) worker_.know(id);
  start({1h, 0.0001});
  ASSERT_TRUE(wait_until([&] { return reconciler_->state().checked == 1; }, 20s));
  reconciler_->stop();
  EXPECT_EQ(reconciler_->state().checked, 1u);
  EXPECT_EQ(reconciler_->state().rounds, 0u);
}

TEST_F(ReconcilerTest, AnIntervalOfZeroIsNever) {
  worker_.know("a");
  start({0ms, 0});
  reconciler_->stop();
  EXPECT_EQ(reconciler_->state().checked, 0u);
}

}  // namespace
}  // namespace chexworld::plugin
