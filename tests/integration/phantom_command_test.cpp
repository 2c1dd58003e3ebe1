// SPDX-License-Identifier: Apache-2.0
//
// `chexworld phantom` as typed: valid objects, the same every time, taken by our own gate.
#include "base/config.h"
#include "base/file.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <sstream>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Finished phantom(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {CHEXWORLD_PROGRAM, "phantom", "--size", "320"});
  return run(arguments);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class PhantomCommand : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    made_ = phantom({"-n", "14", "-o", films(), "--seed", "6", "--threads", "2"});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string films() { return (*folder_ / "films").string(); }
  static std::vector<std::string> objects() {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(films()))
      if (entry.path().extension() == ".dcm") paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline Finished made_;
};

TEST_F(PhantomCommand, WritesFilmsAndTheTruthAboutEach) {
  ASSERT_EQ(made_.exit_status, 0) << made_.output;
  EXPECT_EQ(objects().size(), 14U);
  const std::vector<std::string> table = lines_of(text_of(films() + "/truth.csv"));
  ASSERT_EQ(table.size(), 15U);
  EXPECT_THAT(table[0], HasSubstr("file,sop_instance_uid,study_instance_uid,patient,study,view,sex,age,fold,label"));
  const auto fields = std::count(table[0].begin(), table[0].end(), ',');
  for (const std::string& row : table) EXPECT_EQ(std::count(row.begin(), row.end(), ','), fields) << row;
}

TEST_F(PhantomCommand, ObjectsAreValidDicom) {
  for (const std::string& object : objects()) {
    const Finished judged = run({"dciodvfy", object});
    EXPECT_THAT(judged.output, Not(HasSubstr("Error"))) << object;
    EXPECT_THAT(judged.output, HasSubstr("DXImageForPresentation")) << object;
  }
}

TEST_F(PhantomCommand, SayThatTheyAreSynthetic) {
  const Finished dump = run({"dcmdump", objects()[0]});
  EXPECT_THAT(dump.output, HasSubstr("DERIVED\\PRIMARY"));
  EXPECT_THAT(dump.output, HasSubstr("[SYNTHETIC^PATIENT"));
  EXPECT_THAT(dump.output, HasSubstr("SYNTHETIC: computed"));
}

TEST_F(PhantomCommand, TheGateTakesThemWithTheViewOfTheTruth) {
  std::vector<std::string> command = objects();
  command.insert(command.begin(), {CHEXWORLD_PROGRAM, "inspect", "--json"});
  const Finished inspected = run(command);
  ASSERT_EQ(inspected.exit_status, 0) << inspected.output;
  const std::vector<std::string> table = lines_of(text_of(films() + "/truth.csv"));
  const Json facts = Json::parse(inspected.output);
  ASSERT_EQ(facts.size(), 14U);
  for (std::size_t i = 0; i < facts.size(); ++i) {
    EXPECT_TRUE(facts[i]["gate"]["accepted"].get<bool>()) << facts[i].dump();
    const std::string projection = facts[i]["view"]["projection"], view = facts[i]["view"]["view"];
    // Lateral films have more black beside them, and the gate's rough drawing of a frontal chest fits some of them.
    EXPECT_TRUE(view == "lateral" || facts[i]["quality"].empty()) << facts[i].dump();
    EXPECT_THAT(table[i + 1], HasSubstr("," + (view == "lateral" ? view : projection) + ","));
  }
}

TEST_F(PhantomCommand, SameBytesWithAnyNumberOfThreads) {
  const TemporaryFolder other;
  const Finished again = phantom({"-n", "14", "-o", (other / "films").string(), "--seed", "6", "--threads", "1"});
  ASSERT_EQ(again.exit_status, 0) << again.output;
  for (const std::string& object : objects()) {
    const std::filesystem::path name = std::filesystem::path(object).filename();
    EXPECT_EQ(text_of(object), text_of((other / "films") / name)) << name;
  }
  EXPECT_EQ(text_of(films() + "/truth.csv"), text_of((other / "films") / "truth.csv"));
}

TEST_F(PhantomCommand, RenderedPicturesCanBeWrappedAgain) {
  const TemporaryFolder other;
  const std::string pictures = (other / "pictures").string(), wrapped = (other / "wrapped").string();
  std::filesystem::create_directory(pictures);
  ASSERT_EQ(run({CHEXWORLD_PROGRAM, "render", objects()[0], "-o", pictures + "/one.png"}).exit_status, 0);
  ASSERT_EQ(run({CHEXWORLD_PROGRAM, "render", objects()[1], "-o", pictures + "/two.png"}).exit_status, 0);
  write_file_atomically(other / "table.csv",
                        "file,view,who,label\none.png,PA,Secretname,normal\ntwo.png,AP,Secretname,ill\n");
  const Finished done = run({CHEXWORLD_PROGRAM, "wrap", pictures, "-o", wrapped, "--csv",
                             (other / "table.csv").string(), "--patient-column", "who"});
  ASSERT_EQ(done.exit_status, 0) << done.output;
  for (const char* name : {"/film-00001.dcm", "/film-00002.dcm"}) {
    EXPECT_THAT(run({"dciodvfy", wrapped + name}).output, Not(HasSubstr("Error"))) << name;
    EXPECT_THAT(run({"dcmdump", wrapped + name}).output, Not(HasSubstr("Secretname")));
    EXPECT_THAT(run({CHEXWORLD_PROGRAM, "inspect", wrapped + name}).output, HasSubstr("accepted"));
  }
  const std::vector<std::string> table = lines_of(text_of(wrapped + "/films.csv"));
  ASSERT_EQ(table.size(), 3U);
  EXPECT_EQ(table[0], "file,sop_instance_uid,patient,view,label");
  EXPECT_THAT(table[1], HasSubstr(",PA,normal"));
  EXPECT_EQ(run({CHEXWORLD_PROGRAM, "wrap", pictures, "-o", wrapped}).exit_status, 2);  // not empty
}

TEST_F(PhantomCommand, WrongUseIsOneLine) {
  const TemporaryFolder other;
  const Finished full = phantom({"-n", "1", "-o", films()});
  EXPECT_EQ(full.exit_status, 2);
  EXPECT_THAT(full.output, HasSubstr("not empty"));
  const Finished unknown = phantom({"-n", "1", "-o", (other / "x").string(), "--findings", "fracture"});
  EXPECT_EQ(unknown.exit_status, 2);
  EXPECT_THAT(unknown.output, HasSubstr("fracture"));
  EXPECT_EQ(lines_of(unknown.output).size(), 1U);
}

}  // namespace
}  // namespace chexworld::test
