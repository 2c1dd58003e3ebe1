// SPDX-License-Identifier: Apache-2.0
#include "index/index_set.h"

#include "clouds.h"
#include "support/temporary_folder.h"

#include <chexworld/result.h>

#include <atomic>
#include <filesystem>
#include <gtest/gtest.h>
#include <thread>

namespace chexworld::test {
namespace {

constexpr std::size_t kDimensions = 32;

IndexOptions options() {
  IndexOptions options;
  options.dimensions = kDimensions;
  options.build_width = 40;
  return options;
}

ErrorCode refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.error().code();
  }
  return ErrorCode::kCancelled;  // was not refused
}

class Set : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const Vectors old_vectors_ = clouds(300, kDimensions, 41), new_vectors_ = clouds(300, kDimensions, 42);
};

TEST_F(Set, TheFirstIsActiveAndTheNextOnlyWhenCaughtUp) {
  IndexSet set(folder_.path(), small());
  EXPECT_EQ(set.active(), nullptr);
  fill(*set.begin("old", options()), old_vectors_);
  EXPECT_EQ(set.active_model(), "old");
  const auto filling = set.begin("new", options());
  EXPECT_FALSE(set.switch_when_caught_up("new"));  // no goal yet
  set.set_goal("new", new_vectors_.size());
  for (std::size_t i = 0; i < new_vectors_.size(); ++i) {
    EXPECT_FALSE(set.switch_when_caught_up("new"));
    filling->upsert({i, new_vectors_[i], {}});
  }
  ASSERT_EQ(set.status().size(), 2u);
  EXPECT_EQ(set.status()[0].model, "new");
  EXPECT_EQ(set.status()[0].state, IndexSet::State::kFilling);
  EXPECT_EQ(set.status()[0].rows, set.status()[0].goal);
  EXPECT_TRUE(set.switch_when_caught_up("new"));
  EXPECT_EQ(set.active(), filling);
  set.switch_to("old");  // the way back
  EXPECT_EQ(set.active_model(), "old");
}

TEST_F(Set, SearchesNeverMixModels) {
  IndexSet set(folder_.path(), small());
  fill(*set.begin("old", options()), old_vectors_);
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> failed{0};
  {
    std::jthread searcher([&] {
      while (!stop) {
        const auto index = set.active();  // ids of the new model begin at 1000
        const auto ids = ids_of(index->search(query_for(old_vectors_[0])));
        const bool first_is_new = !ids.empty() && ids[0] >= 1000;
        failed += ids.size() != 10;
        for (const std::uint64_t id : ids) failed += (id >= 1000) != first_is_new;
      }
    });
    const auto filling = set.begin("new", options());
    set.set_goal("new", new_vectors_.size());
    fill(*filling, new_vectors_, 1000);
    EXPECT_TRUE(set.switch_when_caught_up("new"));
    set.drop("old");
    stop = true;
  }
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(ids_of(set.active()->search(query_for(new_vectors_[7])))[0], 1007u);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "old"));
}

TEST_F(Set, ComesBackAsItWasAndMarksTheDamagedAsStale) {
  {
    IndexSet set(folder_.path(), small());
    fill(*set.begin("one", options()), old_vectors_);
    fill(*set.begin("two", options()), new_vectors_);
    set.set_goal("two", 1000);
    set.persist();
  }
  {
    IndexSet set(folder_.path(), small());
    EXPECT_EQ(set.active_model(), "one");
    EXPECT_EQ(set.active()->size(), old_vectors_.size());
    EXPECT_EQ(set.find("two")->size(), new_vectors_.size());
    EXPECT_EQ(set.status()[1].goal, 1000u);
  }
  std::filesystem::resize_file(folder_ / "one/index.chx", 5000);
  IndexSet set(folder_.path(), small());
  EXPECT_EQ(set.active(), nullptr);
  EXPECT_EQ(set.status()[0].state, IndexSet::State::kStale);
  EXPECT_NE(set.status()[0].reason.find("build the index again"), std::string::npos);
  EXPECT_EQ(refusal([&] { set.switch_to("one"); }), ErrorCode::kConflict);
  EXPECT_EQ(set.find("two")->size(), new_vectors_.size());
  fill(*set.begin("one", options()), old_vectors_);
  EXPECT_EQ(set.active()->size(), old_vectors_.size());
}

TEST_F(Set, RefusesWhatItsStateForbids) {
  IndexSet set(folder_.path(), small());
  set.begin("one", options());
  EXPECT_EQ(refusal([&] { set.drop("one"); }), ErrorCode::kConflict);
  EXPECT_EQ(refusal([&] { set.drop("two"); }), ErrorCode::kNotFound);
  EXPECT_EQ(refusal([&] { set.switch_to("two"); }), ErrorCode::kNotFound);
  EXPECT_EQ(refusal([&] { IndexSet again(folder_.path(), small()); }), ErrorCode::kConflict);
  for (const char* bad : {"", "..", "a/b", ".hidden"})
    EXPECT_EQ(refusal([&] { set.begin(bad, options()); }), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld::test
