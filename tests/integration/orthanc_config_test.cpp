// SPDX-License-Identifier: Apache-2.0
//
// `chexworld orthanc-config` as a container's entry point calls it.
#include "base/config.h"
#include "base/file.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class OrthancConfig : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_file_atomically(folder_ / name, text);
  }
  /// `variables` as NAME=VALUE; sources below the folder.
  Finished make(std::vector<std::string> variables, const std::vector<std::string>& sources,
                const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command{"env"};
    command.insert(command.end(), variables.begin(), variables.end());
    command.insert(command.end(), {CHEXWORLD_PROGRAM, "orthanc-config"});
    for (const std::string& source : sources) command.push_back(folder_ / source);
    command.insert(command.end(), more.begin(), more.end());
    return run(command);
  }
  Json made(std::vector<std::string> variables, const std::vector<std::string>& sources) const {
    const Finished finished = make(std::move(variables), sources);
    EXPECT_EQ(finished.exit_status, 0) << finished.output;
    return Json::parse(finished.output);
  }
  TemporaryFolder folder_;
};

TEST_F(OrthancConfig, LaterFilesJoinSectionsAndReplaceValues) {
  put("a/orthanc.json",
      "/* Debian's */ {\"HttpPort\": 8042, // port\n \"Chexworld\": {\"Enable\": false, \"Threads\": 2}}");
  put("a/notes.txt", "not a configuration");
  put("b.json", R"({"Chexworld": {"Enable": true}, "Plugins": ["/x"]})");
  const Json made = this->made({}, {"a", "b.json"});
  EXPECT_EQ(made, Json::parse(R"({"HttpPort": 8042, "Chexworld": {"Enable": true, "Threads": 2}, "Plugins": ["/x"]})"));
}

TEST_F(OrthancConfig, VariablesTakeTheSpellingAndTheTypeThatAreThere) {
  put("a.json", R"({"HttpsCACertificates": "", "DicomAet": "ORTHANC", "HttpPort": 8042, "RegisteredUsers": {}})");
  const Json made =
      this->made({"ORTHANC__HTTPS_CA_CERTIFICATES=/ca.pem", "ORTHANC__DICOM_AET=1234", "ORTHANC__HTTP_PORT=8080",
                  "ORTHANC__REGISTERED_USERS={\"a\": \"1234\"}", "ORTHANC__CHEXWORLD__WORKER__URL=http://worker:8420",
                  "ORTHANC__CHEXWORLD__ENABLE=true", "ORTHANC_NAME=ignored"},
                 {"a.json"});
  EXPECT_EQ(made, Json::parse(R"({"HttpsCACertificates": "/ca.pem", "DicomAet": "1234", "HttpPort": 8080,
    "RegisteredUsers": {"a": "1234"}, "Chexworld": {"Enable": true, "Worker": {"Url": "http://worker:8420"}}})"));
}

TEST_F(OrthancConfig, SecretsAreFilesAndTheResultIsPrivate) {
  put("secrets/ORTHANC__CHEXWORLD__WORKER__TOKEN", "from the file\n");
  put("secrets/other", "left alone");
  const std::string output = folder_ / "orthanc.json";
  const Finished finished = make({}, {}, {"--secrets", folder_ / "secrets", "-o", output});
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  EXPECT_EQ(read_config_file(output), Json::parse(R"({"Chexworld": {"Worker": {"Token": "from the file"}}})"));
  struct stat status{};
  ASSERT_EQ(stat(output.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(OrthancConfig, RefusalsNameTheVariableAndNotItsValue) {
  put("a.json", R"({"HttpPort": 8042})");
  const auto refused = [&](const std::string& variable, const std::string& part) {
    const Finished finished = make({variable}, {"a.json"});
    EXPECT_EQ(finished.exit_status, 2) << finished.output;
    EXPECT_THAT(finished.output, AllOf(HasSubstr(part), Not(HasSubstr("sesame"))));
  };
  refused("ORTHANC__REGISTERED_USERS={\"a\": sesame}", "ORTHANC__REGISTERED_USERS begins like JSON");
  refused("ORTHANC__HTTP_PORT__X=sesame", "'HttpPort' is a value, not a section");
  refused("ORTHANC____X=sesame", "names no key");
  put("bad.json", "{\n  \"HttpPort\": }");
  EXPECT_THAT(make({}, {"bad.json"}).output, HasSubstr("bad.json: not valid JSON at line 2"));
}

}  // namespace
}  // namespace chexworld::test
