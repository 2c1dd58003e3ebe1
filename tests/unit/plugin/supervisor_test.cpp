// SPDX-License-Identifier: Apache-2.0
#include "orthanc-plugin/supervisor.h"

#include "base/log.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>

#include <csignal>
#include <mutex>
#include <utility>
#include <vector>

namespace chexworld::plugin {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

SupervisorOptions shell(const test::TemporaryFolder& folder, const std::string& script) {
  SupervisorOptions options;
  options.command = {"sh", "-c", script};
  options.lock_file = folder / "worker.lock";
  options.drain_timeout = 300ms;
  options.first_pause = 10ms;
  return options;
}

bool runs(const Supervisor& supervisor) {
  return wait_until([&] { return supervisor.state().process != 0; }, 10s);
}

TEST(Supervisor, StartsAWorkerAgainThatEnded) {
  const test::TemporaryFolder folder;
  Supervisor supervisor(shell(folder, "exec sleep 100"));
  ASSERT_TRUE(runs(supervisor));
  const int first = supervisor.state().process;
  kill(first, SIGKILL);
  EXPECT_TRUE(wait_until([&] { return supervisor.state().process != 0 && supervisor.state().process != first; }, 10s));
  EXPECT_EQ(supervisor.state().last_end, "ended by signal 9");
  EXPECT_GE(supervisor.state().restarts, 1u);
}

TEST(Supervisor, LetsTheWorkerFinish) {
  const test::TemporaryFolder folder;
  const std::string done = (folder / "done").string(), ready = (folder / "ready").string();
  Supervisor supervisor(
      shell(folder, "trap 'echo x > " + done + "; exit 0' TERM; echo x > " + ready + "; while :; do sleep 0.02; done"));
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(ready); }, 10s));
  supervisor.stop();
  EXPECT_TRUE(std::filesystem::exists(done));
  EXPECT_EQ(supervisor.state().process, 0);
}

TEST(Supervisor, EndsAWorkerThatWillNot) {
  const test::TemporaryFolder folder;
  const std::string ready = (folder / "ready").string();
  Supervisor supervisor(shell(folder, "trap '' TERM; echo x > " + ready + "; while :; do sleep 0.02; done"));
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(ready); }, 10s));
  const int process = supervisor.state().process;
  supervisor.stop();
  EXPECT_NE(kill(process, 0), 0);
}

TEST(Supervisor, NeverRunsTwoForOneFolder) {
  const test::TemporaryFolder folder;
  Supervisor first(shell(folder, "exec sleep 100"));
  ASSERT_TRUE(runs(first));
  Supervisor second(shell(folder, "exec sleep 100"));
  test::pause(200ms);
  EXPECT_EQ(second.state().process, 0);
  first.stop();
  EXPECT_TRUE(runs(second));
}

TEST(Supervisor, CarriesItsLinesToTheLogWithTheirLevels) {
  std::mutex mutex;
  std::vector<std::pair<LogLevel, std::string>> lines;
  set_log_sink([&](LogLevel level, std::string_view line) {
    const std::scoped_lock lock(mutex);
    lines.emplace_back(level, line);
  });
  {
    const test::TemporaryFolder folder;
    Supervisor supervisor(
        shell(folder, "echo 2026-01-31T12:00:00.000 info one; echo 'T error 2 two' >&2; echo Aborted; exec sleep 100"));
    const auto arrived = [&] {
      const std::scoped_lock lock(mutex);
      return lines.size() >= 3;
    };
    EXPECT_TRUE(wait_until(arrived, 10s));
  }
  set_log_sink({});
  using Line = std::pair<LogLevel, std::string>;
  EXPECT_THAT(lines,
              testing::IsSupersetOf({Line(LogLevel::kInfo, "worker: one"), Line(LogLevel::kError, "worker: 2 two"),
                                     Line(LogLevel::kWarning, "worker: Aborted")}));
}

TEST(Supervisor, StartsAWorkerAnewWhoseStoreWasDeleted) {
  const test::TemporaryFolder folder;
  const std::filesystem::path store = folder / "store.sqlite";
  SupervisorOptions options = shell(folder, "echo x > " + store.string() + "; exec sleep 100");
  options.needed_file = store;
  options.look_every = 10ms;
  Supervisor supervisor(options);
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(store); }, 10s));
  const int first = supervisor.state().process;
  test::pause(300ms);  // some looks that find the file
  EXPECT_EQ(supervisor.state().process, first);
  std::filesystem::remove(store);
  EXPECT_TRUE(wait_until([&] { return std::filesystem::exists(store); }, 10s)) << "made by the next worker";
  EXPECT_NE(supervisor.state().process, first);
}

TEST(Supervisor, LetsThisProcessGoFirst) {
  const test::TemporaryFolder folder;
  const std::filesystem::path told = folder / "nice";
  SupervisorOptions options = shell(folder, "nice > " + told.string() + "; exec sleep 100");
  options.nice = 7;
  Supervisor supervisor(options);
  EXPECT_TRUE(wait_until([&] { return test::text_of(told) == "7\n"; }, 10s)) << test::text_of(told);
}

TEST(Supervisor, SaysWhatCouldNotBeRun) {
  const test::TemporaryFolder folder;
  SupervisorOptions options = shell(folder, "");
  options.command = {"/nowhere/chexworld"};
  Supervisor supervisor(options);
  EXPECT_TRUE(wait_until([&] { return supervisor.state().last_end == "could not be run"; }, 10s));
}

}  // namespace
}  // namespace chexworld::plugin
