// SPDX-License-Identifier: Apache-2.0
//
// Films sent by an implementation of DICOM's network protocol that is neither ours nor Orthanc's (DCMTK): dcmjs-dimse,
// on Node.js.
#include "plugin_flow.h"

#include <gmock/gmock.h>
#include <thread>

namespace chexworld::test {
namespace {

/// The first line in which npm says what went wrong.
std::string reason_in(const std::string& output) {
  const std::string lines = lines_with(output, "rror");
  return lines.substr(0, lines.find('\n'));
}

class PluginDimse : public PluginFlow {
 protected:
  static std::filesystem::path modules() { return std::filesystem::path(CHEXWORLD_DIMSE_FOLDER) / "node_modules"; }

  /// Why the sender cannot be had; empty: it is there.
  static std::string install() {
    if (std::filesystem::exists(modules() / "dcmjs-dimse")) return "";
    std::filesystem::create_directories(CHEXWORLD_DIMSE_FOLDER);
    for (const char* name : {"package.json", "package-lock.json"})
      std::filesystem::copy_file(std::filesystem::path(CHEXWORLD_DIMSE_SOURCE) / name,
                                 std::filesystem::path(CHEXWORLD_DIMSE_FOLDER) / name,
                                 std::filesystem::copy_options::overwrite_existing);
    const Finished npm = run({"timeout", "240", "npm", "ci", "--prefix", CHEXWORLD_DIMSE_FOLDER, "--ignore-scripts",
                              "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"});
    return npm.exit_status == 0 ? "" : "npm ci: " + reason_in(npm.output);
  }

  static Finished send(int port, const std::vector<std::filesystem::path>& files) {
    std::vector<std::string> command{"env",  "NODE_PATH=" + modules().string(), "timeout",           "120",
                                     "node", CHEXWORLD_DIMSE_SOURCE "/send.js", std::to_string(port)};
    for (const auto& file : files) command.push_back(file.string());
    return run(command);
  }
};

TEST_F(PluginDimse, FilmsOverFourAssociationsEachHaveOneResult) {
  if (const std::string reason = install(); !reason.empty())
    GTEST_SKIP() << "dcmjs-dimse cannot be installed: " << reason;
  OrthancServer orthanc(settings());
  ASSERT_TRUE(orthanc.running()) << orthanc.log();
  constexpr int kAssociations = 4, kEach = 8;
  std::vector<Finished> sent(kAssociations);
  {
    std::vector<std::jthread> senders;
    for (int i = 0; i < kAssociations; ++i)
      senders.emplace_back([&, i] { sent[std::size_t(i)] = send(orthanc.dicom_port(), films(kEach, i * kEach)); });
  }
  for (const Finished& one : sent) {
    EXPECT_EQ(one.exit_status, 0) << one.output;
    EXPECT_THAT(one.output, testing::HasSubstr("taken 8 of 8"));
  }
  EXPECT_EQ(orthanc.instances().size(), std::size_t(kAssociations * kEach));
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  for (const auto& [id, outcome] : outcomes(orthanc)) EXPECT_EQ(outcome, "embedded") << id;
}

}  // namespace
}  // namespace chexworld::test
