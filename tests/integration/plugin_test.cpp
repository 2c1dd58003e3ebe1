// SPDX-License-Identifier: Apache-2.0
//
// The plugin in a real Orthanc.
#include "support/orthanc_server.h"
#include "support/patient_words.h"

#include <chexworld/version.h>

#include <gmock/gmock.h>
#include <sstream>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Plugin, AnswersStatusInARealOrthanc) {
  OrthancServer orthanc({{"Enable", true}, {"Worker", {{"Url", "http://127.0.0.1:9"}}}});
  ASSERT_TRUE(orthanc.running()) << orthanc.log();
  const HttpAnswer answer = orthanc.get("/chexworld/status");
  EXPECT_EQ(answer.status, 200);
  const Json status = Json::parse(answer.body);
  EXPECT_EQ(status["version"], version());
  EXPECT_EQ(status["orthanc"], Json::parse(orthanc.get("/system").body)["Version"]);
  EXPECT_EQ(status["worker"]["state"], "down");
  EXPECT_EQ(orthanc.get("/chexworld/models").status, 503);
  EXPECT_EQ(orthanc.request("POST", "/chexworld/status", "{}").status, 405);
  EXPECT_EQ(orthanc.get("/chexworld/nonsense").status, 404);
  EXPECT_EQ(orthanc.stop(), 0) << orthanc.log();
  EXPECT_THAT(orthanc.log(), HasSubstr("chexworld " + std::string(version()) + " is ready"));
}

TEST(Plugin, DisabledAnswersNothing) {
  OrthancServer orthanc({{"Enable", false}});
  ASSERT_TRUE(orthanc.running()) << orthanc.log();
  EXPECT_EQ(orthanc.get("/chexworld/status").status, 404);
  EXPECT_THAT(orthanc.log(), HasSubstr("not enabled"));
}

TEST(Plugin, OrthancRefusesToStartOnAWrongKeyOrValue) {
  OrthancServer misspelt({{"Enabel", true}});
  EXPECT_FALSE(misspelt.running());
  EXPECT_THAT(misspelt.log(), HasSubstr("unknown key 'Enabel' (did you mean 'Enable'?)"));
  OrthancServer wrong_value({{"Enable", "yes"}});
  EXPECT_FALSE(wrong_value.running());
  EXPECT_THAT(wrong_value.log(), HasSubstr("'Enable' must be true or false, not \"yes\""));
  OrthancServer wrong_url({{"Worker", {{"Url", "ftp://elsewhere"}}}});
  EXPECT_FALSE(wrong_url.running());
  EXPECT_THAT(wrong_url.log(), HasSubstr("'Worker.Url' must begin with http:// or https://"));
}

// The check that every Orthanc of these tests has its log go through finds what it shall.
TEST(PatientWords, AreFoundInOurLines) {
  const Json studies = Json::parse(R"([{"MainDicomTags": {"AccessionNumber": "ACC-77001"},
    "PatientMainDicomTags": {"PatientName": "Muster^Erika", "PatientID": "471147", "PatientBirthDate": "19610203"}}])");
  const std::set<std::string> words = patient_words(studies);
  EXPECT_THAT(words, testing::IsSupersetOf({"Erika", "Muster", "471147", "19610203", "ACC-77001"}));
  const std::string header = "I1128 05:00:00.471147 MAIN chexworld:/plugin:0] ";
  for (const char* leak : {"of Erika", "worker: patient 471147.", "born 19610203", "name Muster^Erika", "ACC-77001"})
    EXPECT_THAT(lines_naming_patients("first\n" + header + leak, words), testing::ElementsAre(2)) << leak;
  for (const char* fine : {"nothing", "instance 94711470", "Musterhaus"})
    EXPECT_THAT(lines_naming_patients(header + fine, words), testing::IsEmpty()) << fine;
  EXPECT_THAT(lines_naming_patients("I1128 05:00:00.1 MAIN Other.cpp:1] Erika", words), testing::IsEmpty());
}

TEST(Plugin, ExportsOnlyTheFourEntryPoints) {
  const Finished symbols = run({"nm", "--dynamic", "--defined-only", "--format=just-symbols", plugin_library()});
  ASSERT_EQ(symbols.exit_status, 0) << symbols.output;
  std::istringstream lines(symbols.output);
  std::vector<std::string> names;
  for (std::string name; std::getline(lines, name);) names.push_back(name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("OrthancPluginInitialize", "OrthancPluginFinalize",
                                                   "OrthancPluginGetName", "OrthancPluginGetVersion"));
}

TEST(Plugin, LoadsNeitherTorchNorCodecs) {
  const Finished libraries = run({"ldd", plugin_library()});
  ASSERT_EQ(libraries.exit_status, 0) << libraries.output;
  for (const char* unwanted :
       {"torch", "blas", "dcm", "opencv", "openjp", "cuda", "protobuf", "spdlog", "fmt", "not found"})
    EXPECT_THAT(libraries.output, Not(HasSubstr(unwanted)));
}

}  // namespace
}  // namespace chexworld::test
