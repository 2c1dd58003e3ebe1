// SPDX-License-Identifier: Apache-2.0
//
// A training run that is killed at random moments, again and again, ends where one that was left alone does.
#include "bundle/safetensors.h"
#include "unit/trainer/pretrain_program.h"

#include <csignal>
#include <cstdlib>
#include <gmock/gmock.h>
#include <random>

namespace chexworld::test {
namespace {

int kills_wanted() {
  const char* kills = std::getenv("CHEXWORLD_KILLS");
  return kills == nullptr ? 3 : std::atoi(kills);
}

std::map<std::string, std::string> tensors_in(const std::filesystem::path& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  std::map<std::string, std::string> tensors;
  for (const auto& [name, view] : file.tensors())
    tensors[name] = {reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size()};
  return tensors;
}

TEST(PretrainKill, EveryResumeContinuesTheSameLossCurve) {
  const PretrainProgram program;
  ASSERT_EQ(run(program.fresh("whole")).exit_status, 0);
  const std::vector<double> whole = program.losses("whole");

  // Each life makes a few updates at most, so that many are needed; one that ends by itself is begun anew.
  std::mt19937 random(std::random_device{}());
  const std::filesystem::path log = program.folder() / "log", checkpoints = program.run_folder("run") / "checkpoints";
  int lives = 0;
  for (int kills = 0; kills < kills_wanted();) {
    ASSERT_LT(++lives, 30 * kills_wanted()) << text_of(log);
    const bool begun = std::filesystem::exists(checkpoints) && !std::filesystem::is_empty(checkpoints);
    if (!begun) std::filesystem::remove_all(program.run_folder("run"));
    BackgroundProcess process(begun ? program.resumed("run") : program.fresh("run"), log);
    const auto started = [&] { return !process.running() || std::filesystem::exists(checkpoints); };
    ASSERT_TRUE(wait_until(started, std::chrono::seconds(120))) << text_of(log);
    pause(std::chrono::milliseconds(std::uniform_int_distribution(0, 400)(random)));
    const bool killed = process.stop(SIGKILL) == 128 + SIGKILL;
    kills += killed;
    if (!killed) {
      EXPECT_EQ(program.losses("run"), whole);
      std::filesystem::remove_all(program.run_folder("run"));
    }
  }
  const bool begun = std::filesystem::exists(checkpoints) && !std::filesystem::is_empty(checkpoints);
  if (!begun) std::filesystem::remove_all(program.run_folder("run"));
  const Finished last = run(begun ? program.resumed("run") : program.fresh("run"));
  ASSERT_EQ(last.exit_status, 0) << last.output;
  EXPECT_EQ(program.losses("run"), whole);
  EXPECT_EQ(tensors_in(program.run_folder("run") / "encoder.safetensors"),
            tensors_in(program.run_folder("whole") / "encoder.safetensors"));
}

}  // namespace
}  // namespace chexworld::test
