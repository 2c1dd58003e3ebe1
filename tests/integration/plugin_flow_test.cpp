// SPDX-License-Identifier: Apache-2.0
//
// Objects arrive in a real Orthanc; results are there. CHEXWORLD_FILMS says how many arrive while there is no worker
// (few in CI), CHEXWORLD_SLOW asks for what takes minutes.
#include "plugin_flow.h"
#include "support/dicom_sets.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <thread>

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST_F(PluginFlow, EveryObjectOfTheSetsHasItsResultOrItsReason) {
  if (!have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  OrthancServer orthanc(settings());
  ASSERT_TRUE(orthanc.running()) << orthanc.log();
  std::vector<DicomCase> cases = dicom_cases("cxr");
  for (DicomCase& item : dicom_cases("ignore")) cases.push_back(std::move(item));
  std::vector<std::jthread> senders;  // four associations at once
  for (std::size_t part = 0; part < 4; ++part)
    senders.emplace_back([&, part] {
      std::vector<std::string> command{"dcmsend", "--no-halt", "127.0.0.1", std::to_string(orthanc.dicom_port())};
      for (std::size_t i = part; i < cases.size(); i += 4)
        if (i % 8 < 4) command.push_back(cases[i].file.string());
      run(command);
    });
  std::map<std::string, const DicomCase*> case_of;
  for (const DicomCase& item : cases) case_of[orthanc.upload(item.file)] = &item;
  case_of.erase("");
  senders.clear();
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  std::size_t embedded = 0;
  for (const auto& [id, outcome] : outcomes(orthanc)) {
    ASSERT_TRUE(case_of.contains(id));
    const DicomCase& item = *case_of.at(id);
    SCOPED_TRACE(item.file.filename().string());
    embedded += outcome == "embedded";
    if (item.set == "ignore") {
      EXPECT_NE(outcome, "embedded");
    } else if (item.cell("expected") == "accept") {
      EXPECT_EQ(outcome, "embedded");
    }
    if (const std::string name = item.cell("patient_name"); !name.empty()) {
      EXPECT_THAT(lines_with(orthanc.log(), "worker: "), Not(HasSubstr(name)));
    }
  }
  report_coverage("objects embedded", embedded, case_of.size());
  EXPECT_EQ(orthanc.stop(), 0);
  EXPECT_TRUE(workers().empty());
}

/// Files of the malformed set that Orthanc outlives when it is alone.
std::vector<std::filesystem::path> survivable() {
  const Json idle{{"Enable", false}};
  OrthancServer alone(idle);
  std::vector<std::filesystem::path> files;
  for (const DicomCase& item : dicom_cases("invalid")) {
    alone.upload(item.file);
    if (alone.running()) {
      files.push_back(item.file);
    } else {
      std::printf("Orthanc alone does not outlive %s\n", item.file.filename().c_str());
      alone.start(idle);
    }
  }
  return files;
}

TEST_F(PluginFlow, TheMalformedSetEndsNeitherOrthancNorTheWorker) {
  if (!have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  if (!std::getenv("CHEXWORLD_SLOW")) GTEST_SKIP() << "runs with ./dev test -L slow";
  const auto files = survivable();
  OrthancServer orthanc(settings());
  for (const auto& file : files) {
    orthanc.upload(file);
    ASSERT_TRUE(orthanc.running()) << file;
  }
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body << orthanc.get("/chexworld/failures").body;
  std::map<std::string, int> tally;
  for (const auto& [id, outcome] : outcomes(orthanc)) ++tally[outcome];
  for (const auto& [outcome, count] : tally) std::printf("%4d %s\n", count, outcome.c_str());
  EXPECT_EQ(json_from(orthanc.get("/chexworld/status")).value("/worker_process/restarts"_json_pointer, -1), 0);
  std::printf("%zu files, %zu accepted by Orthanc\n", files.size(), orthanc.instances().size());
}

TEST_F(PluginFlow, TheWayOfOneStudy) {
  OrthancServer orthanc(settings());
  const std::string id = orthanc.upload(films(1).front());
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  const Json result = json_from(orthanc.get("/instances/" + id + "/chexworld"));
  EXPECT_EQ(result.value("sop_instance_uid", ""), film_uid(0));
  EXPECT_EQ(result.value("model_id", ""), models_.id(0));
  const Json embedding = json_from(orthanc.get("/instances/" + id + "/chexworld/embedding"));
  EXPECT_EQ(embedding.value("/array/data"_json_pointer, Json()).size(), result.value("embedding_size", 0u));
  const std::string study = json_from(orthanc.get("/instances/" + id + "/study")).value("ID", "");
  EXPECT_EQ(json_from(orthanc.get("/studies/" + study + "/chexworld")).value("instances", Json()).size(), 1u);
  EXPECT_EQ(orthanc.request("POST", "/studies/" + study + "/chexworld", "{}").status, 202);
  EXPECT_EQ(orthanc.get("/instances/nonsense/chexworld").status, 404);
  EXPECT_EQ(json_from(orthanc.get("/chexworld/models")).value("active", ""), models_.id(0));
  const std::string metrics = orthanc.get("/tools/metrics-prometheus").body;
  EXPECT_THAT(metrics, testing::ContainsRegex("orthanc_chexworld_embedded_count [1-9]"));
  EXPECT_THAT(metrics, HasSubstr("orthanc_chexworld_worker_running 1"));
  EXPECT_EQ(orthanc.request("DELETE", "/instances/" + id, "").status, 200);
  const auto forgotten = [&] {
    return json_from(orthanc.get("/chexworld/status")).value("/worker/coverage/instances"_json_pointer, -1) == 0;
  };
  EXPECT_TRUE(wait_until(forgotten, kPatience)) << orthanc.get("/chexworld/status").body;
  EXPECT_THAT(orthanc.log(), Not(HasSubstr("CHEST0")));
}

TEST_F(PluginFlow, WhatArrivedWithoutAWorkerIsCaughtUp) {
  OrthancServer orthanc({{"Worker", {{"Url", "http://127.0.0.1:9"}}}});
  for (const auto& file : films(number_from("CHEXWORLD_FILMS", 20))) orthanc.upload(file);
  EXPECT_EQ(json_from(orthanc.get("/chexworld/status")).value("/worker/state"_json_pointer, ""), "down");
  EXPECT_EQ(orthanc.stop(), 0);
  orthanc.start(settings());
  ASSERT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
}

/// Orthanc's DatabaseServerIdentifier is made of the machine's network interfaces: a container that starts or a VPN
/// changes it. What was queued under the earlier one, and is in no change log any more, must not stay there.
TEST_F(PluginFlow, AnOrthancThatCallsItselfOtherwiseFindsItsWorkAgain) {
  Json slow = settings();
  slow["Rate"] = 1;
  OrthancServer orthanc(slow);
  constexpr int kFilms = 24;  // more than the plugin claims at once
  for (const auto& file : films(kFilms)) ASSERT_NE(orthanc.upload(file), "");
  const auto queued = [&] {
    const Json status = json_from(orthanc.get("/chexworld/status"));
    return status.value("/follower/last_change"_json_pointer, 0) >= kFilms &&
           status.value("/follower/cursor"_json_pointer, 0) == status.value("/follower/last_change"_json_pointer, -1);
  };
  ASSERT_TRUE(wait_until(queued, kPatience));
  ASSERT_LT(json_from(orthanc.get("/chexworld/status")).value("/feeder/embedded"_json_pointer, kFilms), kFilms);
  EXPECT_EQ(orthanc.request("DELETE", "/changes", "").status, 200);
  EXPECT_EQ(orthanc.stop(), 0);
  orthanc.identify_as("the-same-one-with-another-network");
  orthanc.start(settings());
  EXPECT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
  EXPECT_EQ(outcomes(orthanc).size(), std::size_t(kFilms));
}

TEST_F(PluginFlow, AClearedLogMissesNothingFromThenOnAndABackfillFindsTheRest) {
  OrthancServer orthanc({{"Worker", {{"Url", "http://127.0.0.1:9"}}}});
  const auto files = films(12);
  for (int i = 0; i < 6; ++i) orthanc.upload(files[std::size_t(i)]);
  EXPECT_EQ(orthanc.request("DELETE", "/changes", "").status, 200);
  EXPECT_EQ(orthanc.stop(), 0);
  orthanc.start(settings());
  for (int i = 6; i < 12; ++i) orthanc.upload(files[std::size_t(i)]);
  EXPECT_TRUE(wait_until([&] { return outcomes(orthanc).size() == 6; }, kPatience));
  EXPECT_EQ(orthanc.request("POST", "/chexworld/backfill", "{}").status, 202);
  EXPECT_TRUE(all_settled(orthanc)) << orthanc.get("/chexworld/status").body;
}

}  // namespace
}  // namespace chexworld::test
