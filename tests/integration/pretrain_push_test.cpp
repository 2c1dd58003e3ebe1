// SPDX-License-Identifier: Apache-2.0
//
// `chexworld pretrain --push`, and `model export` of what a run leaves, against a real worker.
#include "support/worker_models.h"
#include "support/worker_server.h"
#include "unit/trainer/pretrain_program.h"

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

/// The id in "model id ..." on the last line that has one.
std::string model_id_in(const std::string& output) {
  const std::string words = "model id ";
  const std::size_t at = output.rfind(words);
  return at == std::string::npos ? "" : output.substr(at + words.size(), 64);
}

std::vector<std::string> with(std::vector<std::string> command, const std::vector<std::string>& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

TEST(PretrainPush, ARunHandsItsEncoderToTheWorkerThatThenUsesIt) {
  const PretrainProgram program;
  const WorkerServer server({"--precision", "f32", "--streams", "1"});
  HttpClient client = server.client();
  EXPECT_EQ(client.get("/v1/status").json()["state"], "no-model");
  const Finished trained =
      run(with(program.fresh("run"), {"--push", server.address(), "--push-every", "8"}));  // 24 updates, saved every 2
  ASSERT_EQ(trained.exit_status, 0) << trained.output;
  const std::string id = model_id_in(trained.output);
  EXPECT_THAT(trained.output, HasSubstr("pushed " + id));

  const Json models = client.get("/v1/models").json();
  EXPECT_EQ(models["active"], id);
  EXPECT_EQ(models["models"].size(), 3u);  // after 8, 16 and 24 updates
  EXPECT_EQ(client.get("/v1/status").json()["model"]["embedding_size"], 24);
  const Json kept = client.post("/v1/instances", film_bytes(0)).json();
  EXPECT_EQ(kept["status"], "embedded");
  EXPECT_EQ(kept["model_id"], id);
}

TEST(PretrainPush, ARunWithoutItsWorkerDoesNotBegin) {
  const PretrainProgram program;
  const Finished trained =
      run(with(program.fresh("run"), {"--push", "unix:" + (program.folder() / "nobody").string()}));
  EXPECT_EQ(trained.exit_status, 1);
  EXPECT_THAT(trained.output, HasSubstr("nobody"));
  EXPECT_FALSE(std::filesystem::exists(program.run_folder("run") / "checkpoints"));
}

TEST(ModelExport, OfARunGivesTheBundleThatTheRunGave) {
  const PretrainProgram program;
  const Finished trained = run(program.fresh("run"));
  ASSERT_EQ(trained.exit_status, 0) << trained.output;
  const std::string whole = program.run_folder("run") / "encoder.safetensors",
                    made = program.folder() / "made.safetensors";
  const auto plain = [&](const std::string& bundle) {
    const std::string weights = program.folder() / "plain.safetensors";
    EXPECT_EQ(run({CHEXWORLD_PROGRAM, "model", "export", bundle, "-o", weights}).exit_status, 0);
    return text_of(weights);
  };
  const Finished exported = run({CHEXWORLD_PROGRAM, "model", "export", program.run_folder("run"), "-o", made});
  ASSERT_EQ(exported.exit_status, 0) << exported.output;
  EXPECT_EQ(model_id_in(exported.output).size(), 64u);
  EXPECT_EQ(plain(made), plain(whole));
  const std::string target = plain(made);
  ASSERT_EQ(run({CHEXWORLD_PROGRAM, "model", "export", program.run_folder("run"), "-o", made, "--component", "context"})
                .exit_status,
            0);
  EXPECT_NE(plain(made), target);
  EXPECT_EQ(run({CHEXWORLD_PROGRAM, "model", "export", program.run_folder("run"), "-o", made, "--component", "head"})
                .exit_status,
            2);
}

}  // namespace
}  // namespace chexworld::test
