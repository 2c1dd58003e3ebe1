// SPDX-License-Identifier: Apache-2.0
//
// `chexworld model push`, `list`, `rollback` against a real worker.
#include "support/broken_bundles.h"
#include "support/worker_models.h"
#include "support/worker_server.h"

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Finished model(std::vector<std::string> words) {
  words.insert(words.begin(), {CHEXWORLD_PROGRAM, "model"});
  return run(words);
}

class ModelServerCommand : public testing::Test {
 protected:
  ModelServerCommand() : server_({"--model", models_.path(0).string(), "--precision", "f32", "--streams", "1"}) {}

  std::string active() { return client_.get("/v1/models").json()["active"].get<std::string>(); }
  Finished push(const std::filesystem::path& bundle, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"push", server_.address(), bundle.string()});
    return model(more);
  }

  WorkerModels models_{3};
  WorkerServer server_;
  HttpClient client_ = server_.client();
};

TEST_F(ModelServerCommand, PushTakesIntoUseAndQueuesWhatIsKnown) {
  client_.post("/v1/instances?server=s&orthanc-instance=a", film_bytes(0));
  const Finished pushed = push(models_.path(1), {"--name", "second & better"});
  ASSERT_EQ(pushed.exit_status, 0) << pushed.output;
  EXPECT_THAT(pushed.output, AllOf(HasSubstr(models_.id(1)), HasSubstr("before: " + models_.id(0).substr(0, 12)),
                                   HasSubstr("1 instance to embed again")));
  EXPECT_EQ(active(), models_.id(1));
  const Finished list = model({"list", server_.address()});
  EXPECT_THAT(list.output, AllOf(HasSubstr("* " + models_.id(1)), HasSubstr("  " + models_.id(0)),
                                 HasSubstr("second & better"), HasSubstr("1 results, 0 queued")));
}

TEST_F(ModelServerCommand, PushOnlyKeepsWhereAskedTo) {
  const Finished pushed = push(models_.path(1), {"--keep-only", "--json"});
  ASSERT_EQ(pushed.exit_status, 0) << pushed.output;
  EXPECT_EQ(Json::parse(pushed.output)["active"], false);
  EXPECT_EQ(active(), models_.id(0));
  ASSERT_EQ(model({"rollback", server_.address(), "--to", models_.id(1), "--no-reembed"}).exit_status, 0);
  EXPECT_EQ(active(), models_.id(1));
}

TEST_F(ModelServerCommand, RollbackReturnsToTheModelBefore) {
  const Finished too_early = model({"rollback", server_.address()});
  EXPECT_EQ(too_early.exit_status, 1);
  EXPECT_THAT(too_early.output, HasSubstr("--to"));
  ASSERT_EQ(push(models_.path(1)).exit_status, 0);
  ASSERT_EQ(push(models_.path(2)).exit_status, 0);
  const Finished back = model({"rollback", server_.address()});
  ASSERT_EQ(back.exit_status, 0) << back.output;
  EXPECT_EQ(active(), models_.id(1));
  EXPECT_THAT(back.output, HasSubstr("before: " + models_.id(2).substr(0, 12)));
  EXPECT_EQ(client_.get("/v1/models").json()["previous"], models_.id(2));
  const Finished unknown = model({"rollback", server_.address(), "--to", std::string(64, '0')});
  EXPECT_EQ(unknown.exit_status, 1);
  EXPECT_THAT(unknown.output, HasSubstr("upload it first"));
  EXPECT_EQ(active(), models_.id(1));
}

/// Broken bundles whose headers are in order: only the worker can tell.
TEST_F(ModelServerCommand, WhatTheWorkerRefusesIsNotTakenIntoUse) {
  const TemporaryFolder folder;
  int offered = 0;
  for (const BrokenBundle& offer : broken_bundles(models_.id(0))) {
    std::ofstream(folder / "b.safetensors", std::ios::binary) << offer.bytes;
    const bool looks_whole = offer.expected_id.empty() && inspect_bundle(folder / "b.safetensors").ok();
    if (!looks_whole || ++offered > 4) continue;
    const Finished pushed = push(folder / "b.safetensors");
    EXPECT_EQ(pushed.exit_status, 1) << offer.name;
    EXPECT_THAT(pushed.output, HasSubstr("the server answered")) << offer.name;
    EXPECT_EQ(active(), models_.id(0)) << offer.name;
  }
  EXPECT_GT(offered, 3);
  EXPECT_EQ(client_.get("/v1/models").json()["models"].size(), 1u);
}

TEST(ModelServerCommandOverTcp, NeedsTheTokenAndAnAddressOfAWorker) {
  const WorkerModels models(2);
  const TemporaryFolder folder;
  std::ofstream(folder / "token") << "0123456789abcdef0123\n";
  std::ofstream(folder / "wrong") << "wrong token wrong token\n";
  const std::string address = "127.0.0.1:" + std::to_string(free_port()), url = "http://" + address;
  const WorkerServer server({"--listen", address, "--model", models.path(0).string(), "--precision", "f32", "--streams",
                             "1", "--token-file", folder / "token"});
  const auto list = [&](const std::string& to, const char* credentials) {
    return model({"list", to, "--credentials", folder / credentials});
  };
  EXPECT_EQ(list(url, "token").exit_status, 0);
  const Finished refused = list(url, "wrong");
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.output, HasSubstr("401"));
  const Finished elsewhere = list(url + "/nothing/here", "token");
  EXPECT_EQ(elsewhere.exit_status, 1);
  EXPECT_THAT(elsewhere.output, HasSubstr("neither a chexworld worker nor an Orthanc"));
  EXPECT_EQ(model({"push", url, models.path(1), "--credentials", folder / "token"}).exit_status, 0);
  EXPECT_EQ(model({"list", "https://" + address}).exit_status, 1);
  EXPECT_EQ(model({"list", "unix:" + (folder / "nobody").string()}).exit_status, 1);
}

}  // namespace
}  // namespace chexworld::test
