// SPDX-License-Identifier: Apache-2.0
//
// What is written: reports, metadata, webhook events; and the settings that ask for them.
#include "orthanc-plugin/metadata_writer.h"
#include "orthanc-plugin/report_writer.h"
#include "orthanc-plugin/webhook.h"
#include "orthanc-plugin/write_back_settings.h"

#include "base/base64.h"
#include "support/temporary_folder.h"
#include "write_back_stand_ins.h"

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::plugin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

Json result_of(const std::string& sop, double probability) {
  return {{"sequence", 1},
          {"sop_instance_uid", sop},
          {"view", "PA"},
          {"sex", "F"},
          {"age_years", 61},
          {"acquisition_date", "2020-02-03"},
          {"quality", {"low-contrast"}},
          {"findings",
           {{{"name", "Effusion"}, {"probability", probability}, {"threshold", 0.5}, {"present", probability >= 0.5}},
            {{"name", "Mass"}, {"probability", 0.1}, {"threshold", 0.5}, {"present", false}}}},
          {"stored_at", "2026-01-02T03:04:05Z"}};
}

StudyResults study_of(const std::string& model = "model-a", double probability = 0.9) {
  return {"1.2", "id-1.2", model, Json::array({result_of("1.2.1", 0.2), result_of("1.2.2", probability)})};
}

// ---- reports ----

TEST(ReportWriter, KeepsOneReportOfAModel) {
  MadeResults worker;
  MadeStudies studies;
  const auto writer = make_report_writer(worker, studies, OnModelChange::kAdd);
  writer->write(study_of());
  writer->write(study_of());
  EXPECT_THAT(studies.series()["model-a"], ElementsAre("report model-a|0|tags of id-1.2.1"));
  worker.add("1.2.3", "1.2");  // now it says something else
  writer->write(study_of());
  EXPECT_THAT(studies.series()["model-a"], ElementsAre("report model-a|1|tags of id-1.2.1"));
}

TEST(ReportWriter, TreatsReportsOfOtherModelsByRule) {
  for (const auto& [rule, left] : {std::pair(OnModelChange::kAdd, std::vector<std::string>{"model-a", "model-b"}),
                                   {OnModelChange::kReplace, {"model-b"}},
                                   {OnModelChange::kLeave, {"model-a"}}}) {
    MadeResults worker;
    MadeStudies studies;
    const auto writer = make_report_writer(worker, studies, rule);
    writer->write(study_of("model-a"));
    writer->write(study_of("model-b"));
    std::vector<std::string> found;
    for (const auto& [model, instances] : studies.series()) found.push_back(model);
    EXPECT_EQ(found, left);
  }
}

TEST(ReportWriter, AWorkerLostOverAReportCountsAsAnAttempt) {
  MadeResults worker;
  MadeStudies studies;
  const auto writer = make_report_writer(worker, studies, OnModelChange::kAdd);
  worker.lose_reports(true);
  EXPECT_EQ(capture([&] { writer->write(study_of()); }).error().code(), ErrorCode::kInternal);
  EXPECT_TRUE(studies.series().empty());
}

// ---- metadata ----

TEST(MetadataWriter, SaysStatusModelAndFindings) {
  MadeStudies studies;
  const auto writer = make_metadata_writer(studies, 14600);
  writer->write(study_of());
  EXPECT_EQ(studies.metadata(Level::kStudy, "id-1.2", 14600), "embedded");
  EXPECT_EQ(studies.metadata(Level::kStudy, "id-1.2", 14601), "model-a");
  EXPECT_EQ(studies.metadata(Level::kStudy, "id-1.2", 14602), "Effusion");
  EXPECT_EQ(studies.metadata(Level::kInstance, "id-1.2.1", 14602), "");
  EXPECT_EQ(studies.metadata(Level::kInstance, "id-1.2.2", 14602), "Effusion");
  EXPECT_EQ(studies.metadata_written(), 9);
  writer->write(study_of());
  EXPECT_EQ(studies.metadata_written(), 9);
  writer->write(study_of("model-b"));
  EXPECT_EQ(studies.metadata(Level::kInstance, "id-1.2.1", 14601), "model-b");
  EXPECT_EQ(studies.metadata_written(), 12);
}

Json abstained_of(const std::string& sop) {
  Json result = result_of(sop, 0);
  result["abstained"] = {{"reason", "view-outside"}, {"detail", "the view is lateral"}};
  for (Json& finding : result["findings"]) {
    finding.erase("present");
    finding["probability"] = nullptr;
    finding["state"] = "abstained";
  }
  return result;
}

TEST(MetadataWriter, SaysWhereTheModelAbstained) {
  MadeStudies studies;
  const auto writer = make_metadata_writer(studies, 14600);
  writer->write({"1.2", "id-1.2", "model-a", Json::array({abstained_of("1.2.1"), abstained_of("1.2.2")})});
  EXPECT_EQ(studies.metadata(Level::kInstance, "id-1.2.1", 14602), "abstained: view-outside");
  EXPECT_EQ(studies.metadata(Level::kStudy, "id-1.2", 14602), "abstained: view-outside");
  writer->write({"1.2", "id-1.2", "model-a", Json::array({abstained_of("1.2.1"), result_of("1.2.2", 0.9)})});
  EXPECT_EQ(studies.metadata(Level::kInstance, "id-1.2.1", 14602), "abstained: view-outside");
  EXPECT_EQ(studies.metadata(Level::kStudy, "id-1.2", 14602), "Effusion") << "the image that was answered";
}

// ---- webhook ----

class MadeReceiver final : public HttpSender {
 public:
  int post(const HttpPost& request) override {
    posts.push_back(request);
    return status;
  }
  std::vector<HttpPost> posts;
  int status = 204;
};

WebhookSettings webhook_settings() {
  WebhookSettings settings;
  settings.url = "http://receiver/hook";
  settings.key = "sixteen bytes or more";
  return settings;
}

// The example of the Standard Webhooks documentation.
TEST(Webhook, SignsAsStandardWebhooksDo) {
  const std::string key = base64_decoded("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").value();
  EXPECT_EQ(webhook_signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Webhook, SendsAnEventWithTimeAndSignature) {
  MadeStudies studies;
  MadeReceiver receiver;
  ManualClock clock(Clock::WallTime(std::chrono::seconds(1'700'000'000)));
  const auto webhook = make_webhook(studies, receiver, webhook_settings(), clock);
  webhook->write(study_of());
  clock.advance(std::chrono::seconds(60));
  webhook->write(study_of());
  ASSERT_THAT(receiver.posts, SizeIs(2));
  const HttpPost first = receiver.posts[0], again = receiver.posts[1];
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(first.headers.at("webhook-id"), again.headers.at("webhook-id"));
  EXPECT_EQ(first.headers.at("webhook-timestamp"), "1700000000");
  EXPECT_EQ(again.headers.at("webhook-timestamp"), "1700000060");
  for (const HttpPost& post : receiver.posts)
    EXPECT_EQ(post.headers.at("webhook-signature"),
              webhook_signature(webhook_settings().key, post.headers.at("webhook-id"),
                                post.headers.at("webhook-timestamp"), post.body));
  const Json event = Json::parse(first.body);
  EXPECT_EQ(event.at("model_id"), "model-a");
  EXPECT_EQ(event.at("study_id"), "id-1.2");
  EXPECT_EQ(event.at("instances").at(1).at("findings").at(0).at("name"), "Effusion");
  webhook->write(study_of("model-a", 0.7));
  EXPECT_NE(receiver.posts.back().headers.at("webhook-id"), first.headers.at("webhook-id"));
}

TEST(Webhook, SaysNothingOfThePatient) {
  const std::string body = webhook_body(MadeStudies(), study_of());
  for (const char* part : {"sex", "age", "acquisition_date", "2020-02-03", "61"})
    EXPECT_THAT(body, Not(HasSubstr(part)));
}

TEST(Webhook, TellsOutagesFromRefusals) {
  MadeStudies studies;
  MadeReceiver receiver;
  const auto webhook = make_webhook(studies, receiver, webhook_settings());
  for (const int status : {408, 425, 429, 502, 503, 504}) {
    receiver.status = status;
    EXPECT_EQ(capture([&] { webhook->write(study_of()); }).error().code(), ErrorCode::kUnavailable) << status;
  }
  for (const int status : {301, 400, 401, 404, 410, 500, 501}) {
    receiver.status = status;
    EXPECT_EQ(capture([&] { webhook->write(study_of()); }).error().code(), ErrorCode::kInvalidArgument) << status;
  }
}

// ---- settings ----

std::string refusal(const Json& write_back, const Json& webhook) {
  const auto read = capture([&] {
    read_write_back(ConfigReader(write_back, "c"), "c");
    read_webhook(ConfigReader(webhook, "c"), "c", "/");
  });
  return read.ok() ? "" : read.error().message();
}

TEST(WriteBackSettings, AreCheckedAtStart) {
  EXPECT_EQ(refusal(Json::object(), Json::object()), "");
  EXPECT_EQ(refusal({{"Report", true}, {"MetadataFirst", 14000}, {"OnModelChange", "replace"}},
                    {{"Url", "https://r/x"}, {"Secret", "sixteen bytes or more"}}),
            "");
  EXPECT_THAT(refusal({{"Reports", true}}, Json::object()), HasSubstr("Reports"));
  for (const int taken : {4198, 4200, 4299, 4301, 9519, 9521, 9995, 12000, 13999})
    EXPECT_THAT(refusal({{"MetadataFirst", taken}}, Json::object()), HasSubstr("MetadataFirst")) << taken;
  for (const int out : {1023, 65534}) EXPECT_NE(refusal({{"MetadataFirst", out}}, Json::object()), "") << out;
  EXPECT_THAT(refusal(Json::object(), {{"Url", "https://r"}}), HasSubstr("Webhook.Secret"));
  EXPECT_THAT(refusal(Json::object(), {{"Url", "ftp://r"}, {"Secret", "sixteen bytes or more"}}), HasSubstr("http://"));
  EXPECT_THAT(refusal(Json::object(), {{"Url", "http://r"}, {"Secret", "short"}}), HasSubstr("16 bytes"));
  EXPECT_THAT(refusal(Json::object(), {{"Secret", "sixteen bytes or more"}}), HasSubstr("Webhook.Url"));
  EXPECT_THAT(refusal(Json::object(), {{"Url", "http://r"}, {"Secret", "whsec_*"}}), HasSubstr("base64"));
  EXPECT_THAT(refusal(Json::object(), {{"Url", "http://r"}, {"SecretFile", "no/such/file"}}), HasSubstr("SecretFile"));
}

TEST(WriteBackSettings, ReadTheSecretFromAFile) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "secret") << "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
  const WebhookSettings settings = read_webhook(ConfigReader({{"Url", "http://r"}, {"SecretFile", "secret"}}, "c"), "c",
                                                (folder / "secret").parent_path());
  EXPECT_EQ(settings.key, base64_decoded("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
}

}  // namespace
}  // namespace chexworld::plugin
