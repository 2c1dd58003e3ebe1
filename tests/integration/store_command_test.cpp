// SPDX-License-Identifier: Apache-2.0
//
// `chexworld store` as typed, on both backends.
#include "base/config.h"
#include "base/file.h"
#include "support/store_backend.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

Finished store_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {CHEXWORLD_PROGRAM, "store"});
  return run(arguments);
}

std::string filled_store(const std::string& backend) {
  const std::string location = backend_named(backend).fresh_location();
  const auto store = open_store(location);
  const ModelRecord model = sample_model();
  store->add_model(model);
  store->activate_model(model.model_id, "test", "");
  for (int number = 1; number <= 9; ++number) store->commit({{sample_outcome(number, model)}, {}, {}, {}});
  return location;
}

Json info_of(const std::string& location) {
  const Finished finished = store_command({"info", location, "--json"});
  EXPECT_EQ(finished.exit_status, 0) << finished.output;
  return Json::parse(finished.output);
}

TEST(StoreCommand, InfoVerifyBackupAndMigrateGoRound) {
  const TemporaryFolder folder;
  const std::string first = filled_store("sqlite");
  const std::string second = backend_named("postgresql").fresh_location();
  const std::string third = folder / "backup.sqlite";
  EXPECT_EQ(store_command({"migrate", first, second}).exit_status, 0);
  EXPECT_EQ(store_command({"backup", second, third}).exit_status, 0);
  for (const std::string& location : {first, second, third}) {
    const Json info = info_of(location);
    EXPECT_EQ(info["instances"], 9);
    EXPECT_EQ(info["models"][0]["results"], 9);
    EXPECT_EQ(info["models"][0]["active"], true);
    EXPECT_THAT(store_command({"info", location}).output, HasSubstr("9 results"));
    EXPECT_EQ(Json::parse(store_command({"verify", location, "--json"}).output)["ok"], true);
  }
  EXPECT_EQ(info_of(second)["backend"], "postgresql");
}

std::vector<Label> labels_of(const std::string& location, int number) {
  return open_store(location)->labels({LabelLevel::kInstance, sample_instance(number).sop_instance_uid});
}

TEST(StoreCommand, LabelsAreImportedFromTablesOfBothShapes) {
  const TemporaryFolder folder;
  const std::string store = filled_store("sqlite");
  const std::string lines = folder / "lines.csv", columns = folder / "columns.csv", broken = folder / "broken.csv";
  write_file_atomically(lines,
                        "sop_instance_uid,name,value,source\n1.2.3.1,pneumonia,yes,report\n1.2.3.1,pneumonia,no,reader"
                        "\n1.2.3.999,pneumonia,yes,report\n");
  const Json first = Json::parse(store_command({"label", store, lines, "--json"}).output);
  EXPECT_EQ(first, (Json{{"given", 3}, {"changed", 2}, {"unknown", 1}}));
  EXPECT_EQ(Json::parse(store_command({"label", store, lines, "--json"}).output)["changed"], 0) << "repeated";
  write_file_atomically(
      columns, "study_instance_uid,effusion,pneumonia\n" + sample_instance(1).study_instance_uid + ",large,\n");
  EXPECT_EQ(store_command({"label", store, columns, "--source", "reader 2"}).exit_status, 0);
  EXPECT_EQ(labels_of(store, 1), (std::vector<Label>{{"pneumonia", "no", "reader"}, {"pneumonia", "yes", "report"}}));
  EXPECT_EQ(open_store(store)->labels({LabelLevel::kStudy, sample_instance(1).study_instance_uid}),
            (std::vector<Label>{{"effusion", "large", "reader 2"}}));
  EXPECT_EQ(info_of(store)["labels"], 3);
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"uid,name,value\n1,2,3\n", "sop_instance_uid"},
      {"sop_instance_uid,name\n1.2.3.1,pneumonia\n", "'name' and 'value'"},
      {"sop_instance_uid,name,value\n,pneumonia,yes\n", "line 2"},
      {"sop_instance_uid,name,value\n1.2.3.1,,yes\n", "name is empty"}};
  for (const auto& [text, complaint] : wrong) {
    write_file_atomically(broken, text);
    const Finished refused = store_command({"label", store, broken});
    EXPECT_NE(refused.exit_status, 0) << text;
    EXPECT_THAT(refused.output, HasSubstr(complaint)) << text;
  }
}

TEST(StoreCommand, FailuresAreOneLineAndAStatus) {
  const TemporaryFolder folder;
  const std::string store = filled_store("sqlite");
  EXPECT_EQ(store_command({"migrate", store, store}).exit_status, 1);
  EXPECT_EQ(store_command({"backup", store, store}).exit_status, 1);
  EXPECT_EQ(store_command({"info"}).exit_status, 2);
  const Finished absent = store_command({"info", folder / "absent"});
  EXPECT_EQ(absent.exit_status, 1);
  EXPECT_THAT(absent.output, HasSubstr("no chexworld store"));
  EXPECT_FALSE(std::filesystem::exists(folder / "absent"));
  write_file_atomically(folder / "text", std::string(5000, 'x'));
  EXPECT_EQ(store_command({"verify", folder / "text"}).exit_status, 1);
}

}  // namespace
}  // namespace chexworld::test
