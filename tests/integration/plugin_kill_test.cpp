// SPDX-License-Identifier: Apache-2.0
//
// Workers and Orthancs killed at random moments while films arrive: each film ends up with exactly one result, Orthanc
// is never taken down by us, and no worker is left. CHEXWORLD_FILMS and CHEXWORLD_KILLS say how many (few in CI).
#include "plugin_flow.h"

#include <atomic>
#include <csignal>
#include <gmock/gmock.h>
#include <random>
#include <thread>

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;

class PluginKill : public PluginFlow {
 protected:
  void SetUp() override { std::printf("%d films, %d kills, seed %u\n", films_, kills_, seed_); }

  std::chrono::milliseconds some_time(int least_ms, int most_ms) {
    return std::chrono::milliseconds(std::uniform_int_distribution(least_ms, most_ms)(random_));
  }

  void expect_one_result_each(OrthancServer& orthanc, std::size_t count) {
    ASSERT_TRUE(all_settled(orthanc, 600s)) << orthanc.get("/chexworld/status").body;
    const auto found = outcomes(orthanc);
    EXPECT_EQ(found.size(), count);
    for (const auto& [id, outcome] : found) EXPECT_EQ(outcome, "embedded") << id;
    const Json status = json_from(orthanc.get("/chexworld/status"));
    EXPECT_EQ(status.value("/worker/coverage/with_result"_json_pointer, std::size_t(0)), count);
    EXPECT_EQ(status.value("/worker/coverage/instances"_json_pointer, std::size_t(0)), count);
    EXPECT_LE(workers().size(), 1u);
    EXPECT_EQ(orthanc.stop(), 0) << orthanc.log();
    EXPECT_TRUE(wait_until([&] { return workers().empty(); }, 30s));
  }

  const int films_ = number_from("CHEXWORLD_FILMS", 40);
  const int kills_ = number_from("CHEXWORLD_KILLS", 3);
  const unsigned seed_ = unsigned(number_from("CHEXWORLD_SEED", 7));
  std::mt19937 random_{seed_};
};

TEST_F(PluginKill, KilledWorkersLoseNothing) {
  Json chosen = settings();
  chosen["RestartPause"] = 1;  // else the supervisor would wait half a minute between kills
  OrthancServer orthanc(chosen);
  const auto files = films(films_);
  std::atomic<int> killed = 0;
  std::atomic<std::size_t> sent = 0;
  std::jthread sender([&] {  // in step with the kills, so that films arrive until the last one
    for (const auto& file : files) {
      const auto due = [&] { return killed >= kills_ || sent * std::size_t(kills_) < files.size() * (killed + 1u); };
      ASSERT_TRUE(wait_until(due, 120s));
      ASSERT_NE(orthanc.upload(file), "");
      ++sent;
    }
  });
  for (; killed < kills_; ++killed) {
    ASSERT_TRUE(wait_until([&] { return !workers().empty(); }, 60s)) << orthanc.log();
    pause(some_time(0, 1500));
    if (killed + 1 == kills_) std::printf("%zu films had arrived at the last kill\n", sent.load());
    for (const pid_t worker : workers()) ::kill(worker, SIGKILL);
    ASSERT_TRUE(orthanc.running()) << orthanc.log();
  }
  sender.join();
  expect_one_result_each(orthanc, files.size());
}

/// A modality sends again what was not acknowledged.
TEST_F(PluginKill, KilledOrthancsLoseNothingAndLeaveNoWorker) {
  OrthancServer orthanc(settings());
  const auto files = films(films_);
  std::size_t next = 0;
  for (int killed = 0; killed < kills_; ++killed) {
    const auto share = files.size() * std::size_t(killed + 1) / std::size_t(kills_ + 1);
    std::jthread killer([&, wait = some_time(0, 2500)] {
      pause(wait);
      orthanc.kill();
    });
    while (next < share && !orthanc.upload(files[next]).empty()) ++next;
    killer.join();
    EXPECT_TRUE(wait_until([&] { return workers().empty(); }, 30s)) << "a worker outlived its Orthanc";
    orthanc.start(settings());
    ASSERT_TRUE(orthanc.running()) << orthanc.log();
  }
  for (; next < files.size(); ++next) ASSERT_NE(orthanc.upload(files[next]), "");
  expect_one_result_each(orthanc, files.size());
}

}  // namespace
}  // namespace chexworld::test
