// SPDX-License-Identifier: Apache-2.0
//
// Results go back: Structured Reports and metadata into a real Orthanc, signed webhooks to a receiver written in
// Python.
#include "base/file.h"
#include "image/prepare.h"
#include "support/orthanc_server.h"
#include "support/worker_models.h"
#include "unit/infer/random_bundle.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <sstream>

namespace chexworld::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr auto kPatience = 120s;
constexpr const char* kSecret = "a secret of this test's own";

/// The answer's JSON; null where there is none.
Json answered(const OrthancServer& orthanc, const std::string& path) {
  const HttpAnswer answer = orthanc.get(path);
  return answer.status == 200 ? Json::parse(answer.body, nullptr, false) : Json();
}

/// A model with findings, beside one without.
std::filesystem::path model_with_findings(const std::filesystem::path& path,
                                          const std::optional<BundleDomain>& domain = {}) {
  const EncoderShape shape = small_shape();
  RandomBundle bundle(shape, {.linear = 0.1F, .norm = 0.2F}, 5);
  PreparationRecipe recipe;
  recipe.size = {int(shape.image_size) + 4, int(shape.image_size)};
  bundle.config.preprocessing = to_json(recipe);
  bundle.add_head({BundleHead::Kind::kLinear, false, {{"Effusion", 0.01, 1, 0}, {"Mass", 0.99, 1, 0}}}, 0.2F, 6);
  bundle.config.domain = domain;
  bundle.write(path);
  return path;
}

struct Event {
  std::string id;
  int status = 0;
  bool verified = false;
  Json body;
};

/// Somewhere to send webhooks to.
class Receiver {
 public:
  void start(int failures) {
    process_ = std::make_unique<BackgroundProcess>(
        std::vector<std::string>{"python3", CHEXWORLD_WEBHOOK_RECEIVER, std::to_string(port_), kSecret,
                                 std::to_string(failures), (folder_ / "events").string()},
        folder_ / "log");
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  std::vector<Event> events() const {
    std::istringstream lines(text_of(folder_ / "events"));
    std::vector<Event> found;
    for (std::string line; std::getline(lines, line);) {
      const Json json = Json::parse(line, nullptr, false);
      if (json.is_object())
        found.push_back(
            {json.at("id"), json.at("status").get<int>(), json.at("verified").get<bool>(), json.at("event")});
    }
    return found;
  }
  /// Events that were accepted, each once.
  std::set<std::string> accepted() const {
    std::set<std::string> ids;
    for (const Event& event : events())
      if (event.status == 204) ids.insert(event.id);
    return ids;
  }

 private:
  TemporaryFolder folder_;
  int port_ = free_port();
  std::unique_ptr<BackgroundProcess> process_;
};

class PluginWriteBack : public testing::Test {
 protected:
  Json settings(const Json& write_back = {{"Report", true}, {"Metadata", true}, {"StudyQuiet", 1}}) const {
    return {{"Program", CHEXWORLD_PROGRAM},
            {"Folder", (folder_ / "worker").string()},
            {"Model", model_.string()},
            {"Precision", "f32"},
            {"Threads", 1},
            {"PollInterval", 1},
            {"WriteBack", write_back},
            {"Webhook", {{"Url", receiver_.url()}, {"Secret", kSecret}}}};
  }
  /// Films of one study have one patient.
  std::string upload(const OrthancServer& orthanc, int film) const {
    const auto file = folder_ / "film.dcm";
    std::ofstream(file, std::ios::binary) << film_bytes(film, "PATIENT-" + std::to_string(film / 10) + "-SECRET");
    return orthanc.upload(file);
  }
  /// Ids of the reports in a study, by series.
  static std::map<std::string, std::vector<std::string>> reports(const OrthancServer& orthanc,
                                                                 const std::string& study) {
    std::map<std::string, std::vector<std::string>> found;
    const Json all = answered(orthanc, "/studies/" + study + "/series");
    for (const Json& series : all)
      if (series.at("MainDicomTags").value("Modality", "") == "SR")
        found[series.at("ID")] = series.at("Instances").get<std::vector<std::string>>();
    return found;
  }
  static std::string study_of(const OrthancServer& orthanc, const std::string& instance) {
    return answered(orthanc, "/instances/" + instance + "/study").value("ID", "");
  }
  /// Films that the report of a study refers to; 0 without exactly one report.
  std::size_t evidence(const OrthancServer& orthanc, const std::string& study) const {
    const auto found = reports(orthanc, study);
    if (found.size() != 1 || found.begin()->second.size() != 1) return 0;
    const Json tags = answered(orthanc, "/instances/" + found.begin()->second[0] + "/tags?simplify");
    std::size_t count = 0;
    for (const Json& in_study : tags.value("CurrentRequestedProcedureEvidenceSequence", Json::array()))
      for (const Json& series : in_study.value("ReferencedSeriesSequence", Json::array()))
        count += series.value("ReferencedSOPSequence", Json::array()).size();
    return count;
  }
  std::string file_of(const OrthancServer& orthanc, const std::string& instance) const {
    const auto path = folder_ / (instance + ".dcm");
    write_file_atomically(path, orthanc.get("/instances/" + instance + "/file").body);
    return path.string();
  }
  /// Whether our own reports have come back with the change log and have been dropped.
  static bool all_came_back(const OrthancServer& orthanc, std::size_t reports) {
    return wait_until(
        [&] {
          const Json status = answered(orthanc, "/chexworld/status");
          return status.value("/feeder/skipped"_json_pointer, 0u) >= reports &&
                 status.value("/feeder/in_hand"_json_pointer, 1u) == 0;
        },
        kPatience);
  }

  TemporaryFolder folder_;
  std::filesystem::path model_ = model_with_findings(folder_ / "model.safetensors");
  Receiver receiver_;
};

TEST_F(PluginWriteBack, WhereTheModelAbstainedNoNumberIsWritten) {
  model_with_findings(model_, BundleDomain{{"lateral"}, {}});
  receiver_.start(0);
  OrthancServer orthanc(settings());
  ASSERT_TRUE(orthanc.running()) << orthanc.log();
  const std::string image = upload(orthanc, 0), study = study_of(orthanc, image);
  ASSERT_TRUE(wait_until([&] { return evidence(orthanc, study) == 1; }, kPatience)) << orthanc.log();
  const Json result = answered(orthanc, "/instances/" + image + "/chexworld");
  EXPECT_EQ(result.value("/abstained/reason"_json_pointer, ""), "view-outside") << result;
  EXPECT_TRUE(result.at("findings").at(0).at("probability").is_null());

  const std::string file = file_of(orthanc, reports(orthanc, study).begin()->second.at(0));
  EXPECT_THAT(run({"dciodvfy", "-new", file}).output, Not(HasSubstr("Error")));
  const std::string dump = run({"dsrdump", file}).output;
  for (const char* part : {"Pleural effusion", "Abstained", "view-outside"}) EXPECT_THAT(dump, HasSubstr(part));
  for (const char* part : {"Certainty of Finding", "Present", "Absent"}) EXPECT_THAT(dump, Not(HasSubstr(part)));

  const auto metadata = [&](const std::string& of) { return orthanc.get(of + "/metadata/14602").body; };
  EXPECT_TRUE(wait_until([&] { return metadata("/studies/" + study) == "abstained: view-outside"; }, kPatience));
  EXPECT_EQ(metadata("/instances/" + image), "abstained: view-outside");

  ASSERT_TRUE(wait_until([&] { return !receiver_.accepted().empty(); }, kPatience));
  const Json event = receiver_.events().at(0).body.at("instances").at(0);
  EXPECT_EQ(event.at("abstained").at("reason"), "view-outside");
  EXPECT_EQ(event.at("findings").at(0).at("state"), "abstained");
}

TEST_F(PluginWriteBack, ResultsAreWrittenBackOnce) {
  receiver_.start(3);
  OrthancServer orthanc(settings());
  ASSERT_TRUE(orthanc.running()) << orthanc.log();
  const std::string first = upload(orthanc, 0), second = upload(orthanc, 1), other = upload(orthanc, 10);
  const std::string study = study_of(orthanc, first), other_study = study_of(orthanc, other);
  ASSERT_EQ(study_of(orthanc, second), study);
  ASSERT_TRUE(
      wait_until([&] { return evidence(orthanc, study) == 2 && evidence(orthanc, other_study) == 1; }, kPatience))
      << orthanc.get("/chexworld/status").body << orthanc.log();

  // the report, as others see it
  const std::string report = reports(orthanc, study).begin()->second.at(0), file = file_of(orthanc, report);
  EXPECT_THAT(run({"dciodvfy", "-new", file}).output, Not(HasSubstr("Error")));
  const std::string dump = run({"dsrdump", file}).output;
  for (const char* part : {"Imaging Measurement Report", "Pleural effusion", "Artificial Intelligence", "UNVERIFIED"})
    EXPECT_THAT(dump, HasSubstr(part));
  EXPECT_EQ(answered(orthanc, "/instances/" + report + "/study").value("ID", ""), study);

  // metadata of the study and of its images
  const auto metadata = [&](const std::string& of, int number) {
    return orthanc.get(of + "/metadata/" + std::to_string(number)).body;
  };
  const std::string model_id = answered(orthanc, "/chexworld/models").value("active", "");
  EXPECT_TRUE(wait_until([&] { return metadata("/studies/" + study, 14600) == "embedded"; }, kPatience));
  EXPECT_EQ(metadata("/studies/" + study, 14601), model_id);
  EXPECT_EQ(metadata("/instances/" + second, 14602), "Effusion");

  // events: signed, and each accepted once
  ASSERT_TRUE(wait_until([&] { return receiver_.accepted().size() >= 2; }, kPatience));
  for (const Event& event : receiver_.events()) {
    EXPECT_TRUE(event.verified);
    EXPECT_EQ(event.body.at("model_id"), model_id);
    EXPECT_THAT(event.body.dump(), Not(HasSubstr("SECRET")));
  }

  // our own reports are dropped without a word, and nothing is processed twice
  ASSERT_TRUE(all_came_back(orthanc, 2)) << orthanc.get("/chexworld/status").body;
  EXPECT_THAT(answered(orthanc, "/chexworld/failures").value("failures", Json()), SizeIs(0));
  EXPECT_EQ(answered(orthanc, "/chexworld/status").value("/feeder/embedded"_json_pointer, 0), 3);
  EXPECT_EQ(orthanc.instances().size(), 5u);

  // a study that grows: its report is made anew, and there is still one
  upload(orthanc, 2);
  ASSERT_TRUE(wait_until([&] { return evidence(orthanc, study) == 3; }, kPatience));
  EXPECT_EQ(orthanc.instances().size(), 6u);
  // beginning again changes nothing
  EXPECT_EQ(orthanc.request("POST", "/chexworld/write-back", "{}").status, 202);
  const auto written_again = [&] {
    return answered(orthanc, "/chexworld/status").value("/write_back/report/written"_json_pointer, 0) >= 5;
  };
  EXPECT_TRUE(wait_until(written_again, kPatience)) << orthanc.get("/chexworld/status").body;
  EXPECT_EQ(evidence(orthanc, study), 3u);
  EXPECT_EQ(orthanc.instances().size(), 6u);
  EXPECT_THAT(orthanc.get("/tools/metrics-prometheus").body, HasSubstr("orthanc_chexworld_webhook_written_count"));
  EXPECT_EQ(orthanc.stop(), 0);
}

TEST_F(PluginWriteBack, RestartsAndOutagesLoseNothing) {
  OrthancServer orthanc(settings());
  std::vector<std::string> studies;
  for (int i = 0; i < 6; ++i) {
    const std::string study = study_of(orthanc, upload(orthanc, 10 * i));
    if (!study.empty()) studies.push_back(study);
    if (i % 2 == 0) continue;
    orthanc.kill();
    orthanc.start(settings());
  }
  ASSERT_EQ(studies.size(), 6u);
  const auto all_reported = [&] {
    return std::all_of(studies.begin(), studies.end(),
                       [&](const auto& study) { return evidence(orthanc, study) == 1; });
  };
  ASSERT_TRUE(wait_until(all_reported, kPatience)) << orthanc.get("/chexworld/status").body;
  EXPECT_TRUE(receiver_.events().empty());
  receiver_.start(0);  // nobody listened until now
  ASSERT_TRUE(wait_until([&] { return receiver_.accepted().size() == 6; }, kPatience));
  EXPECT_THAT(receiver_.events(), SizeIs(6));
  EXPECT_EQ(orthanc.instances().size(), 12u);
  EXPECT_THAT(answered(orthanc, "/chexworld/failures").value("failures", Json()), SizeIs(0));
}

TEST_F(PluginWriteBack, AnotherModelAddsItsReport) {
  receiver_.start(0);
  const WorkerModels other(1);
  OrthancServer orthanc(settings());
  const std::string study = study_of(orthanc, upload(orthanc, 0));
  ASSERT_TRUE(wait_until([&] { return evidence(orthanc, study) == 1; }, kPatience));
  ASSERT_EQ(orthanc.request("POST", "/chexworld/models", "@" + other.path(0).string()).status, 201);
  ASSERT_EQ(orthanc.request("PUT", "/chexworld/models/active", R"({"model_id": ")" + other.id(0) + R"("})").status,
            200);
  ASSERT_TRUE(wait_until([&] { return reports(orthanc, study).size() == 2; }, kPatience))
      << orthanc.get("/chexworld/status").body;
  std::string descriptions;
  for (const auto& [series, instances] : reports(orthanc, study))
    descriptions += answered(orthanc, "/series/" + series).value("/MainDicomTags/SeriesDescription"_json_pointer, "");
  EXPECT_THAT(descriptions, HasSubstr("chexworld " + other.id(0).substr(0, 12)));
  EXPECT_TRUE(wait_until([&] { return receiver_.accepted().size() == 2; }, kPatience));
}

TEST_F(PluginWriteBack, NothingIsWrittenUnlessAskedFor) {
  Json plain = settings(Json::object());
  plain.erase("Webhook");
  OrthancServer orthanc(plain);
  const std::string film = upload(orthanc, 0);
  ASSERT_TRUE(wait_until([&] { return orthanc.get("/instances/" + film + "/chexworld").status == 200; }, kPatience));
  EXPECT_EQ(orthanc.request("POST", "/chexworld/write-back", "{}").status, 409);
  EXPECT_EQ(answered(orthanc, "/chexworld/status").value("write_back", Json(1)), Json::object());
  EXPECT_EQ(orthanc.get("/instances/" + film + "/metadata/14600").status, 404);
  EXPECT_EQ(orthanc.instances().size(), 1u);
}

TEST_F(PluginWriteBack, OrthancRefusesToStartWithAWrongSetting) {
  const OrthancServer wrong({{"WriteBack", {{"Report", "yes"}}}});
  EXPECT_THAT(wrong.log(), HasSubstr("'Report' must be true or false"));
  const OrthancServer no_secret({{"Webhook", {{"Url", "http://127.0.0.1:9"}}}});
  EXPECT_THAT(no_secret.log(), HasSubstr("'Webhook.Url' needs either 'Webhook.Secret' or 'Webhook.SecretFile'"));
}

}  // namespace
}  // namespace chexworld::test
