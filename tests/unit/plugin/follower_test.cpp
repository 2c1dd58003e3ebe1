// SPDX-License-Identifier: Apache-2.0
//
// Follower and feeder against a made-up archive and a worker that only keeps books.
#include "orthanc-plugin/follower.h"
#include "base/failure.h"
#include "orthanc-plugin/feeder.h"
#include "support/process.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace chexworld::plugin {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

class MadeArchive final : public Archive {
 public:
  std::string server() const override { return "server-1"; }

  ChangePage changes(std::uint64_t since, std::uint32_t most) const override {
    const std::scoped_lock lock(mutex_);
    ChangePage page;
    page.last = last_;
    page.up_to = since;
    for (const auto& [sequence, id] : log_) {
      if (sequence <= since) continue;
      if (page.new_instances.size() == most) {
        page.done = false;
        break;
      }
      page.new_instances.push_back(id);
      page.up_to = sequence;
    }
    return page;
  }

  std::vector<std::string> instances(std::uint64_t since, std::uint32_t most) const override {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> ids;
    std::uint64_t place = 0;
    for (const std::string& id : instances_)
      if (place++ >= since && ids.size() < most) ids.push_back(id);
    return ids;
  }

  bool has(const std::string& id) const override {
    const std::scoped_lock lock(mutex_);
    return instances_.contains(id);
  }

  bool with_dicom(const std::string& id, const std::function<void(std::string_view)>& use) const override {
    {
      const std::scoped_lock lock(mutex_);
      if (!instances_.contains(id)) return false;
    }
    use("file of " + id);
    return true;
  }

  void add(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    log_[++last_] = id;
    instances_.insert(id);
  }
  void remove(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(log_, [&](const auto& entry) { return entry.second == id; });
    instances_.erase(id);
  }
  void clear_log() {
    const std::scoped_lock lock(mutex_);
    log_.clear();
  }
  void set_back(std::uint64_t last) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(log_, [&](const auto& entry) { return entry.first > last; });
    last_ = last;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::string> log_;
  std::set<std::string> instances_;
  std::uint64_t last_ = 0;
};

/// Queue, cursor and results of a worker, without a worker.
class MadeWorker final : public WorkerClient {
 public:
  Result<WorkerAnswer> call(const WorkerRequest& request) override {
    const std::scoped_lock lock(mutex_);
    if (down_ || aborted_) return Error(ErrorCode::kUnavailable, "nobody is there");
    if (request.target.starts_with("/v1/cursors/")) return cursor_call(request);
    if (request.target == "/v1/work/claim") return claim();
    if (request.target.starts_with("/v1/instances")) return instance(request);
    return WorkerAnswer{404, "", ""};
  }
  void abort() override { aborted_ = true; }

  void set_down(bool down) {
    const std::scoped_lock lock(mutex_);
    down_ = down;
  }
  void lose_next(int answers) {
    const std::scoped_lock lock(mutex_);
    lose_ = answers;
  }
  std::uint64_t cursor() const {
    const std::scoped_lock lock(mutex_);
    return cursor_;
  }
  std::map<std::string, int> results() const {
    const std::scoped_lock lock(mutex_);
    return results_;
  }
  std::vector<std::string> removed() const {
    const std::scoped_lock lock(mutex_);
    return removed_;
  }

 private:
  static WorkerAnswer json(const Json& body) { return {200, "application/json", body.dump()}; }

  WorkerAnswer cursor_call(const WorkerRequest& request) {
    if (request.method == "GET") return json({{"sequence", cursor_}});
    const Json body = Json::parse(request.body);
    const std::uint64_t from = body.at("from"), to = body.at("to");
    if (from != to && from != cursor_) return {409, "application/json", "{}"};
    if (from != to) cursor_ = to;
    for (const Json& arrival : body.value("arrivals", Json::array())) queue_.push_back(arrival.at("instance_id"));
    for (const Json& removal : body.value("removals", Json::array())) removed_.push_back(removal.at("instance_id"));
    return json({{"sequence", cursor_}});
  }

  WorkerAnswer claim() {
    Json items = Json::array();
    for (const std::string& id : queue_)
      items.push_back({{"work", 1}, {"claim", 1}, {"location", {{"server", "server-1"}, {"instance_id", id}}}});
    queue_.clear();
    return json({{"items", items}});
  }

  Result<WorkerAnswer> instance(const WorkerRequest& request) {
    if (lose_ > 0) {
      --lose_;
      return Error(ErrorCode::kUnavailable, "the connection broke");
    }
    ++results_[std::string(request.body)];
    return json({{"status", "embedded"}});
  }

  mutable std::mutex mutex_;
  std::atomic<bool> aborted_ = false;
  bool down_ = false;
  int lose_ = 0;
  std::uint64_t cursor_ = 0;
  std::vector<std::string> queue_;
  std::map<std::string, int> results_;
  std::vector<std::string> removed_;
};

class FollowerTest : public testing::Test {
 protected:
  ~FollowerTest() override {
    worker_.abort();
    follower_->stop();
    feeder_->stop();
  }
  void start() {
    follower_ = std::make_unique<Follower>(archive_, worker_, 20ms, [this] { feeder_->wake(); });
    feeder_ = std::make_unique<Feeder>(archive_, worker_, 2, [this](const std::string& id) { follower_->removed(id); });
    follower_->start();
  }
  bool has_results(std::size_t count) {
    return wait_until([&] { return worker_.results().size() == count; }, 20s);
  }

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
