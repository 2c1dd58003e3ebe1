// SPDX-License-Identifier: Apache-2.0
//
// `chexworld model push`, `list`, `rollback` through a real Orthanc with our plugin.
#include "support/orthanc_server.h"
#include "support/worker_models.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

TEST(ModelServerCommandThroughOrthanc, PushesListsAndRollsBack) {
  const WorkerModels models(2);
  const TemporaryFolder folder;
  OrthancServer orthanc({{"Program", CHEXWORLD_PROGRAM},
                         {"Folder", (folder / "worker").string()},
                         {"Model", models.path(0).string()},
                         {"Precision", "f32"},
                         {"Threads", 1}});
  ASSERT_TRUE(wait_until([&] { return !orthanc.running() || orthanc.get("/chexworld/models").status == 200; },
                         std::chrono::seconds(60)));
  const auto model = [&](const std::string& what, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{CHEXWORLD_PROGRAM, "model", what, orthanc.url()};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  const Finished pushed = model("push", {models.path(1)});
  ASSERT_EQ(pushed.exit_status, 0) << pushed.output << orthanc.log();
  EXPECT_THAT(model("list").output, HasSubstr("* " + models.id(1)));
  EXPECT_EQ(model("push", {models.path(1), "--keep-only"}).exit_status, 0);
  const Finished back = model("rollback");
  ASSERT_EQ(back.exit_status, 0) << back.output;
  EXPECT_THAT(model("list").output, HasSubstr("* " + models.id(0)));
}

}  // namespace
}  // namespace chexworld::test
