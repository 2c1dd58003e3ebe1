// SPDX-License-Identifier: Apache-2.0
//
// `chexworld render` and `chexworld inspect` as typed, on every object of the DICOM sets.
#include "base/config.h"
#include "image/png.h"
#include "support/dicom_sets.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <sstream>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Finished chexworld(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), CHEXWORLD_PROGRAM);
  return run(arguments);
}

class RadiographCommands : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  }
};

std::vector<std::string> files_of(const std::vector<DicomCase>& cases) {
  std::vector<std::string> files;
  for (const DicomCase& entry : cases) files.push_back(entry.file.string());
  return files;
}

/// The words of a patient's name long enough to be told from ordinary output.
std::vector<std::string> name_words(std::string name) {
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '^' || c == '='; }, ' ');
  std::istringstream stream(name);
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    if (word.size() >= 5) words.push_back(word);
  return words;
}

TEST_F(RadiographCommands, InspectTellsEveryObjectAndNoPatient) {
  const std::vector<DicomCase> cases = dicom_cases("cxr");
  std::vector<std::string> arguments = files_of(cases);
  arguments.insert(arguments.begin(), {"inspect", "--json"});
  const Finished finished = chexworld(arguments);
  ASSERT_EQ(finished.exit_status, 0) << finished.output;
  const Json facts = Json::parse(finished.output);
  ASSERT_EQ(facts.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].cell("file"));
    EXPECT_EQ(std::to_string(facts[i]["rows"].get<int>()), cases[i].cell("rows"));
    EXPECT_EQ(std::to_string(facts[i]["columns"].get<int>()), cases[i].cell("cols"));
    EXPECT_EQ(facts[i]["modality"], cases[i].cell("modality"));
    EXPECT_NE(facts[i]["decoder"], "");
    for (const std::string& word : name_words(cases[i].cell("patient_name"))) {
      if (facts[i]["file"].get<std::string>().find(word) != std::string::npos) continue;
      EXPECT_THAT(finished.output, Not(HasSubstr(word)));
    }
  }
}

TEST_F(RadiographCommands, InspectFailsOnlyForWhatCannotBeRead) {
  const Finished ignorable = chexworld([] {
    std::vector<std::string> arguments = files_of(dicom_cases("ignore"));
    arguments.insert(arguments.begin(), "inspect");
    return arguments;
  }());
  EXPECT_EQ(ignorable.exit_status, 0) << ignorable.output;
  EXPECT_THAT(ignorable.output, HasSubstr("other-modality"));
  const TemporaryFolder folder;
  const Finished missing = chexworld({"inspect", (folder / "none.dcm").string()});
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_THAT(missing.output, HasSubstr("none.dcm"));
}

TEST_F(RadiographCommands, RenderWritesThePicture) {
  const TemporaryFolder folder;
  std::size_t covered = 0;
  for (const DicomCase& entry : dicom_cases("real")) {
    if (entry.cell("reference_png").empty()) continue;
    SCOPED_TRACE(entry.cell("file"));
    const std::string output = (folder / "out.png").string();
    const Finished finished = chexworld({"render", entry.file.string(), "-o", output, "--fast", "--size", "128"});
    ASSERT_EQ(finished.exit_status, 0) << finished.output;
    const GrayImage picture = read_picture(output);
    EXPECT_EQ(std::min(picture.width, picture.height), 128);
    ++covered;
  }
  report_coverage("real objects rendered by the program", covered, covered);
  EXPECT_GT(covered, 0U);
}

TEST_F(RadiographCommands, RenderLeavesNothingBehindWhenItFails) {
  const TemporaryFolder folder;
  const std::string output = (folder / "out.png").string();
  for (const DicomCase& entry : dicom_cases("real")) {
    if (entry.cell("expected") != "reject") continue;
    const Finished finished = chexworld({"render", entry.file.string(), "-o", output});
    EXPECT_EQ(finished.exit_status, 1);
    EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\n'), 1) << finished.output;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  EXPECT_EQ(chexworld({"render", "x.dcm"}).exit_status, 2);
  EXPECT_EQ(chexworld({"render", "x.dcm", "-o", output, "--window", "0"}).exit_status, 2);
}

}  // namespace
}  // namespace chexworld::test
