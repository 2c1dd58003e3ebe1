// SPDX-License-Identifier: Apache-2.0
//
// Writers killed at random moments: nothing acknowledged is lost, nothing is doubled, and the index agrees with the
// store afterwards. CHEXWORLD_KILLS says how often.
#include "retrieval/retrieval.h"
#include "support/process.h"
#include "support/store_backend.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <random>
#include <set>
#include <sstream>
#include <thread>

namespace chexworld::test {
namespace {

using testing::IsEmpty;

int kills_wanted() {
  const char* text = std::getenv("CHEXWORLD_KILLS");
  return text == nullptr ? 20 : std::atoi(text);
}

/// What the killed writers had been told.
struct Acknowledged {
  int queued = 0;
  std::multiset<int> done;
  std::set<int> removed;
};

Acknowledged read_acknowledged(const std::string& log) {
  Acknowledged seen;
  std::istringstream lines(log);
  std::string what;
  for (int number = 0; lines >> what >> number;) {
    if (what == "queued") seen.queued = number;
    if (what == "done") seen.done.insert(number);
    if (what == "removed") seen.removed.insert(number);
  }
  return seen;
}

class StoreKill : public testing::TestWithParam<std::string> {
 protected:
  std::size_t log_size() const {
    std::error_code absent;
    const std::uintmax_t size = std::filesystem::file_size(folder_ / "log", absent);
    return absent ? 0 : std::size_t(size);
  }

  /// Starts a writer and kills it at a random moment: some time after a random number of acknowledgements, or (every
  /// eighth) while it starts. By progress and not by time, so that slow machines test as much. False when it ended by
  /// itself.
  bool let_one_die() {
    const auto draw = [&](int least, int most) { return std::uniform_int_distribution(least, most)(random_); };
    const std::size_t enough = draw(0, 7) == 0 ? 0 : log_size() + std::size_t(draw(1, 150));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    BackgroundProcess writer({CHEXWORLD_STORE_WRITER, location_, folder_ / "indexes"}, folder_ / "log");
    while (log_size() < enough && writer.running() && std::chrono::steady_clock::now() < deadline)
      pause(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::microseconds(draw(0, enough == 0 ? 60'000 : 3'000)));
    return writer.stop(SIGKILL) == 128 + SIGKILL;
  }

  void compare(const Acknowledged& acknowledged, Store& store) {
    // Every object is in exactly one of three places.
    std::set<int> stored;
    for (const Change& change : store.changes(model_.model_id, 0, 1'000'000).changes) {
      if (!change.result) continue;
      const int number = std::stoi(change.result->instance.sop_instance_uid.substr(6));
      EXPECT_TRUE(stored.insert(number).second) << number << " is doubled";
      EXPECT_EQ(change.result->result, sample_result(number, model_));
      EXPECT_EQ(change.result->instance, sample_instance(number));
    }
    const auto queued = int(store.cursor("objects"));
    EXPECT_GE(queued, acknowledged.queued);
    std::set<int> waiting;
    const auto later = std::chrono::hours(1);
    for (const ClaimedWork& work : store.claim({model_.model_id, "test", 1'000'000, later, 1'000'000}))
      EXPECT_TRUE(waiting.insert(number_of(work.location)).second);
    for (const int number : acknowledged.done) {
      const bool gone = number % 5 == 0;  // may be removed, acknowledged or not
      EXPECT_TRUE(stored.contains(number) || gone) << "the result of " << number << " is lost";
      EXPECT_FALSE(waiting.contains(number)) << number << " would be done twice";
      EXPECT_EQ(acknowledged.done.count(number), 1u) << number << " was done twice";
    }
    for (const int number : acknowledged.removed) EXPECT_FALSE(stored.contains(number)) << number << " came back";
    int removed = 0;
    for (int number = 1; number <= queued; ++number) {
      const int places = stored.contains(number) + waiting.contains(number);
      EXPECT_LE(places, 1) << number;
      EXPECT_TRUE(places == 1 || number % 5 == 0) << number << " vanished";
      removed += places == 0;
    }
    // One step per result and one per removal, whatever was acknowledged.
    EXPECT_EQ(store.cursor("steps"), stored.size() + 2 * std::size_t(removed));
    EXPECT_THAT(store.verify(), IsEmpty());
    std::printf("%s: %d objects queued, %zu results, %d removed\n", GetParam().c_str(), queued, stored.size(), removed);
  }

  /// What the last writer left of its index, and what following the store makes of it.
  void compare_index(Store& store) {
    RetrievalOptions options;
    options.folder = folder_ / "indexes";
    Retrieval retrieval(store, options);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options.folder))
      EXPECT_EQ(entry.path().string().find(".partial-"), std::string::npos) << entry.path() << " was left behind";
    std::uint64_t kept = 0;
    for (const IndexProgress& progress : retrieval.progress()) {
      EXPECT_NE(progress.index.state, IndexSet::State::kStale) << progress.index.reason;
      kept += progress.index.rows;
    }
    const std::uint64_t applied = retrieval.catch_up();
    EXPECT_THAT(retrieval.verify(), IsEmpty());
    std::printf("%s: the index kept %llu rows, %llu changes were applied again\n", GetParam().c_str(),
                static_cast<unsigned long long>(kept), static_cast<unsigned long long>(applied));
  }

  std::mt19937 random_{20260101};
  TemporaryFolder folder_;
  const ModelRecord model_ = sample_model();
  const std::string location_ = backend_named(GetParam()).fresh_location();
};

INSTANTIATE_TEST_SUITE_P(Backends, StoreKill, testing::Values("sqlite", "postgresql"),
                         [](const auto& backend) { return backend.param; });

TEST_P(StoreKill, LosesNothingAndDoublesNothing) {
  open_store(location_);
  for (int kill = 0; kill < kills_wanted(); ++kill) ASSERT_TRUE(let_one_die()) << text_of(folder_ / "log");
  const auto store = open_store(location_);
  const Acknowledged acknowledged = read_acknowledged(text_of(folder_ / "log"));
  EXPECT_GT(acknowledged.done.size(), std::size_t(kills_wanted())) << "the writers hardly came to write";
  pause(std::chrono::milliseconds(50));  // leases of the dead are 1 ms
  compare(acknowledged, *store);
  compare_index(*store);
}

}  // namespace
}  // namespace chexworld::test
