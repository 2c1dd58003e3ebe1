// SPDX-License-Identifier: Apache-2.0
#include "orthanc-plugin/write_back.h"

#include "support/process.h"
#include "write_back_stand_ins.h"

#include <gmock/gmock.h>

namespace chexworld::plugin {
namespace {

using namespace std::chrono_literals;
using test::wait_until;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kOld = 1'000'000'000;  // ms: from before the test
constexpr std::int64_t kNew = 0;

/// Notes what it is told, or fails.
class NotingWriter final : public StudyWriter {
 public:
  void write(const StudyResults& study) override {
    const std::scoped_lock lock(mutex_);
    ++tries_;
    if (error_) throw Failure(*error_);
    written_.push_back(study.study_instance_uid + "/" + study.model_id + "/" + std::to_string(study.instances.size()));
  }
  void fail_with(std::optional<Error> error) {
    const std::scoped_lock lock(mutex_);
    error_ = std::move(error);
  }
  std::vector<std::string> written() const {
    const std::scoped_lock lock(mutex_);
    return written_;
  }
  int tries() const {
    const std::scoped_lock lock(mutex_);
    return tries_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
  std::vector<std::string> written_;
  int tries_ = 0;
};

class WriteBackTest : public testing::Test {
 protected:
  ~WriteBackTest() override {
    if (follower_) follower_->stop();
  }
  void start(WriteBackOptions options = {}) {
    options.name = "test";
    options.poll = 10ms;
    options.interval = 0ms;
    options.first_pause = 5ms;
    options.longest_pause = 20ms;
    follower_ = std::make_unique<WriteBack>(worker_, studies_, writer_, options);
    follower_->start();
  }
  static WriteBackOptions at_once() {
    WriteBackOptions options;
    options.study_quiet = options.stable_quiet = 0ms;
    return options;
  }
  bool reaches(std::uint64_t sequence, const std::string& model = "model-a") {
    return wait_until([&] { return worker_.cursor_at("server%3Atest%3A" + model) == sequence; }, 20s);
  }
  /// Has it followed before the results come, as after a fresh installation.
  bool in_use() {
    return wait_until([&] { return worker_.cursor_at("server%3Atest%3Asince") == 1; }, 20s);
  }

  MadeResults worker_;
  MadeStudies studies_;
  NotingWriter writer_;
  std::unique_ptr<WriteBack> follower_;
};

TEST_F(WriteBackTest, WritesAStudyOnceWithItsNewestResult) {
  start(at_once());
  ASSERT_TRUE(in_use());
  worker_.set_down(true);  // so that all are there at once
  for (const char* sop : {"1", "2", "3"}) worker_.add(sop, "study", kNew);
  worker_.add("4", "other", kNew);
  worker_.add("5", "elsewhere", kNew);
  worker_.add("6", "", kNew);
  worker_.set_down(false);
  ASSERT_TRUE(reaches(6));
  EXPECT_THAT(writer_.written(), ElementsAre("study/model-a/3", "other/model-a/1"));
  worker_.add("7", "study", kNew);
  ASSERT_TRUE(reaches(7));
  EXPECT_EQ(writer_.written().back(), "study/model-a/4");
  EXPECT_EQ(follower_->state().written, 3u);
}

TEST_F(WriteBackTest, WaitsUntilTheStudyIsQuietOrStable) {
  WriteBackOptions options;
  options.study_quiet = 1h;
  options.stable_quiet = 0ms;
  start(options);
  ASSERT_TRUE(in_use());
  worker_.add("1", "a", kNew);
  worker_.add("2", "b", kNew);
  ASSERT_TRUE(wait_until([&] { return follower_->state().behind == 2; }, 20s));
  EXPECT_THAT(writer_.written(), IsEmpty());
  follower_->study_is_stable("id-b");  // remembered until its turn
  follower_->study_is_stable("id-a");
  ASSERT_TRUE(reaches(2));
  EXPECT_THAT(writer_.written(), ElementsAre("a/model-a/1", "b/model-a/1"));
}

TEST_F(WriteBackTest, GoesOnWhereItWas) {
  start(at_once());
  ASSERT_TRUE(in_use());
  worker_.add("1", "a", kNew);
  ASSERT_TRUE(reaches(1));
  follower_->stop();
  worker_.add("2", "b", kOld);  // came long before the restart
  start(at_once());
  ASSERT_TRUE(reaches(2));
  EXPECT_THAT(writer_.written(), ElementsAre("a/model-a/1", "b/model-a/1"));
}

TEST_F(WriteBackTest, LeavesAloneWhatWasThereBeforeItWasAskedFor) {
  for (int i = 1; i <= 300; ++i) worker_.add(std::to_string(i), "old-" + std::to_string(i), kOld);
  worker_.add("301", "new", kNew);
  start(at_once());
  ASSERT_TRUE(reaches(301));
  EXPECT_THAT(writer_.written(), ElementsAre("new/model-a/1"));
  follower_->rewind();
  EXPECT_TRUE(wait_until([&] { return writer_.written().size() == 302; }, 20s));
}

TEST_F(WriteBackTest, WaitsOutAnOutageOfAnyLength) {
  start(at_once());
  ASSERT_TRUE(in_use());
  writer_.fail_with(Error(ErrorCode::kUnavailable, "the receiver is away"));
  worker_.add("1", "a", kNew);
  ASSERT_TRUE(wait_until([&] { return writer_.tries() > 8; }, 20s));
  EXPECT_EQ(follower_->state().left_out, 0u);
  EXPECT_THAT(follower_->state().trouble, testing::HasSubstr("the receiver is away"));
  EXPECT_EQ(worker_.cursor_at("server%3Atest%3Amodel-a"), 0u);
  writer_.fail_with({});
  ASSERT_TRUE(reaches(1));
  EXPECT_THAT(writer_.written(), ElementsAre("a/model-a/1"));
  EXPECT_TRUE(wait_until([&] { return follower_->state().trouble.empty(); }, 20s));
}

TEST_F(WriteBackTest, LeavesOutAStudyThatCannotBeWritten) {
  start(at_once());
  ASSERT_TRUE(in_use());
  writer_.fail_with(Error(ErrorCode::kMalformed, "no"));
  worker_.add("1", "a", kNew);
  ASSERT_TRUE(reaches(1));
  EXPECT_EQ(writer_.tries(), 5);
  writer_.fail_with({});
  worker_.add("2", "b", kNew);
  ASSERT_TRUE(reaches(2));
  EXPECT_THAT(writer_.written(), ElementsAre("b/model-a/1"));
  EXPECT_EQ(follower_->state().left_out, 1u);
  EXPECT_EQ(follower_->state().retried, 4u);
}

TEST_F(WriteBackTest, FollowsTheActiveModelAndComesBack) {
  start(at_once());
  ASSERT_TRUE(in_use());
  worker_.add("1", "a", kNew);
  ASSERT_TRUE(reaches(1));
  worker_.activate("model-b");
  worker_.add("1", "a", kOld);  // all of a later model's results count
  ASSERT_TRUE(reaches(1, "model-b"));
  worker_.activate("model-a");
  worker_.add("2", "c", kNew);
  ASSERT_TRUE(reaches(2));
  EXPECT_THAT(writer_.written(), ElementsAre("a/model-a/1", "a/model-b/1", "c/model-a/1"));
}

TEST_F(WriteBackTest, SurvivesAWorkerThatIsAway) {
  worker_.set_down(true);
  start(at_once());
  ASSERT_TRUE(wait_until([&] { return !follower_->state().trouble.empty(); }, 20s));
  worker_.set_down(false);
  ASSERT_TRUE(in_use());
  worker_.add("1", "a", kNew);
  ASSERT_TRUE(reaches(1));
}

}  // namespace
}  // namespace chexworld::plugin
