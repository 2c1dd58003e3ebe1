// SPDX-License-Identifier: Apache-2.0
//
// `chexworld archive` and `chexworld pretrain` as typed, alone and on two processes.
#include "base/file.h"
#include "unit/trainer/pretrain_program.h"

#include <cmath>
#include <csignal>
#include <gmock/gmock.h>
#include <optional>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::chrono::seconds kLong{120};

TEST(PretrainCommand, TrainsAndLeavesABundle) {
  const PretrainProgram program;
  const Finished finished = run(program.fresh("run"));
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("model id"));
  EXPECT_EQ(program.losses("run").size(), 24u);
  const Finished info = run({CHEXWORLD_PROGRAM, "model", "info", program.run_folder("run") / "encoder.safetensors"});
  EXPECT_THAT(info.output, HasSubstr("self-test     yes"));
  const Finished again = run(program.fresh("run"));
  EXPECT_NE(again.exit_status, 0);
  EXPECT_THAT(again.output, HasSubstr("--resume"));
}

TEST(ModelCreateCommand, MakesTheSameUntrainedBundleFromTheSameSeed) {
  const TemporaryFolder folder;
  const auto create = [&](const char* name, const char* seed) {
    return run({CHEXWORLD_PROGRAM, "model", "create", "--preset", "tiny-cpu", "--seed", seed, "-o", folder / name});
  };
  const Finished created = create("a", "1");
  ASSERT_EQ(created.exit_status, 0) << created.output;
  EXPECT_THAT(created.output, AllOf(HasSubstr("model id"), HasSubstr("untrained")));
  ASSERT_EQ(create("b", "1").exit_status, 0);
  ASSERT_EQ(create("c", "2").exit_status, 0);
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
  EXPECT_NE(read_file(folder / "a"), read_file(folder / "c"));
  const Finished info = run({CHEXWORLD_PROGRAM, "model", "info", folder / "a"});
  EXPECT_THAT(info.output, AllOf(HasSubstr("self-test     yes"), HasSubstr("random weights")));
  EXPECT_EQ(run({CHEXWORLD_PROGRAM, "model", "create", "--preset", "big", "-o", folder / "d"}).exit_status, 2);
}

TEST(PretrainCommand, SensitivityOfItsModelIsTested) {
  const PretrainProgram program;
  ASSERT_EQ(run(program.fresh("run")).exit_status, 0);
  const auto tested = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command{CHEXWORLD_PROGRAM,
                                     "sensitivity",
                                     program.folder() / "archive",
                                     "--checkpoint",
                                     program.run_folder("run"),
                                     "-n",
                                     "8",
                                     "--images",
                                     "3",
                                     "--threads",
                                     "1",
                                     "--json"};
    command.insert(command.end(), more.begin(), more.end());
    return run(command);
  };
  const Finished finished = tested({"--where", "label=b"});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  const auto json_in = [](const Finished& one) {  // after the progress line
    return Json::parse(one.output.substr(std::min(one.output.find('{'), one.output.size())), nullptr, false);
  };
  const Json json = json_in(finished);
  ASSERT_TRUE(json.is_object()) << finished.output;
  EXPECT_EQ(json["films"], 3);
  EXPECT_EQ(json["updates"], 24);
  EXPECT_EQ(json["chance"]["recall@1"], 0.125);
  EXPECT_EQ(json_in(tested({"--where", "label=b"})), json);
  EXPECT_EQ(json_in(tested({"--untrained"}))["updates"], 0);
  const Finished nobody = tested({"--where", "label=c"});
  EXPECT_EQ(nobody.exit_status, 2);
  EXPECT_THAT(nobody.output, HasSubstr("no films"));
}

TEST(PretrainCommand, RefusesWhatItDoesNotKnow) {
  const PretrainProgram program;
  std::vector<std::string> command = program.fresh("run");
  command.insert(command.end(), {"--lr", "fast"});
  EXPECT_EQ(run(command).exit_status, 2);
  write_file_atomically(program.folder() / "c.toml", "learning_rate = 1\n");
  command = program.fresh("run");
  command.insert(command.end(), {"--config", program.folder() / "c.toml"});
  const Finished finished = run(command);
  EXPECT_EQ(finished.exit_status, 2);
  EXPECT_THAT(finished.output, AllOf(HasSubstr("c.toml"), HasSubstr("unknown key 'learning_rate'")));
}

TEST(PretrainCommand, ASignalFinishesTheStepSavesAndSaysHowToGoOn) {
  const PretrainProgram program;
  ASSERT_EQ(run(program.fresh("whole")).exit_status, 0);
  const std::filesystem::path log = program.folder() / "log";
  BackgroundProcess process(program.fresh("run"), log);
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(program.run_folder("run") / "checkpoints"); }, kLong));
  EXPECT_EQ(process.stop(SIGTERM), 0);
  if (program.losses("run").size() < 24) {
    EXPECT_THAT(text_of(log), HasSubstr("--resume"));
  }
  const Finished finished = run(program.resumed("run"));
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_EQ(program.losses("run"), program.losses("whole"));
}

/// Two processes whose outputs are kept.
struct Pair {
  Pair(const PretrainProgram& program, const std::string& name, std::vector<std::string> more = {})
      : log0(program.folder() / (name + "-0.log")), log1(program.folder() / (name + "-1.log")) {
    const int port = free_port();
    std::vector<std::string> command = program.fresh(name, 4);
    command.insert(command.end(), more.begin(), more.end());
    first.emplace(PretrainProgram::ranked(command, 0, 2, port), log0);
    second.emplace(PretrainProgram::ranked(command, 1, 2, port), log1);
  }
  std::filesystem::path log0, log1;
  std::optional<BackgroundProcess> first, second;
};

TEST(PretrainCommand, TwoProcessesTrainAsOneDoes) {
  const PretrainProgram program;
  ASSERT_EQ(run(program.fresh("one", 4, 2)).exit_status, 0);
  Pair pair(program, "two");
  ASSERT_TRUE(wait_until([&] { return !pair.first->running() && !pair.second->running(); }, kLong));
  EXPECT_EQ(pair.first->stop(SIGTERM), 0) << text_of(pair.log0);
  EXPECT_EQ(pair.second->stop(SIGTERM), 0) << text_of(pair.log1);
  const auto one = program.losses("one"), two = program.losses("two");
  ASSERT_EQ(one.size(), 24u);
  ASSERT_EQ(two.size(), 24u);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_NEAR(two[i], one[i], 1e-5) << i;
}

TEST(PretrainCommand, WhereAProcessDiesTheOthersSaveAndEnd) {
  const PretrainProgram program;
  Pair pair(program, "two", {"--epochs", "2000"});
  const auto saved = [&] {
    return !pair.first->running() || std::filesystem::exists(program.run_folder("two") / "checkpoints");
  };
  ASSERT_TRUE(wait_until(saved, kLong));
  ASSERT_TRUE(pair.first->running()) << text_of(pair.log0);
  pair.second->stop(SIGKILL);
  ASSERT_TRUE(wait_until([&] { return !pair.first->running(); }, kLong)) << "rank 0 hangs";
  EXPECT_EQ(pair.first->stop(SIGTERM), 1);
  EXPECT_THAT(text_of(pair.log0), HasSubstr("a process of the group has ended"));
  const std::filesystem::path checkpoints = program.run_folder("two") / "checkpoints";
  EXPECT_NE(std::filesystem::directory_iterator(checkpoints), std::filesystem::directory_iterator());
}

}  // namespace
}  // namespace chexworld::test
