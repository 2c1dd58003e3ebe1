// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/webhook.h"

#include "base/base64.h"
#include "base/failure.h"
#include "base/sha256.h"

#include <algorithm>
#include <iterator>

namespace chexworld::plugin {
namespace {

constexpr std::size_t kIdDigits = 32;

/// Nothing of the patient, not even sex, age or date.
Json event_of(const StudyArchive& archive, const Json& instance) {
  const std::string uid = instance.at("sop_instance_uid").get<std::string>();
  const auto id = archive.instance(uid);
  return {{"sop_instance_uid", uid},
          {"instance_id", id ? Json(*id) : Json(nullptr)},
          {"view", instance.value("view", "")},
          {"quality", instance.value("quality", Json::array())},
          {"findings", instance.value("findings", Json::array())},
          {"abstained", instance.value("abstained", Json(nullptr))},
          {"stored_at", instance.value("stored_at", "")}};
}

/// Answers that say nothing about this event: the receiver, or something before it, is busy or away.
bool is_outage(int status) {
  constexpr int kOutages[] = {408, 425, 429, 502, 503, 504};
  return std::find(std::begin(kOutages), std::end(kOutages), status) != std::end(kOutages);
}

class Webhook final : public StudyWriter {
 public:
  Webhook(StudyArchive& archive, HttpSender& sender, const WebhookSettings& settings, Clock& clock)
      : archive_(archive), sender_(sender), settings_(settings), clock_(clock) {}

  void write(const StudyResults& study) override {
    HttpPost request{
        .url = settings_.url, .headers = {}, .body = webhook_body(archive_, study), .time_limit = settings_.time_limit};
    const std::string id = webhook_id(request.body);
    const std::string now = std::to_string(std::chrono::system_clock::to_time_t(clock_.wall()));
    request.headers = {{"Content-Type", "application/json"},
                       {"webhook-id", id},
                       {"webhook-timestamp", now},
                       {"webhook-signature", webhook_signature(settings_.key, id, now, request.body)}};
    const int status = sender_.post(request);
    if (status >= 200 && status < 300) return;
    fail(is_outage(status) ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument,
         "the receiver of the webhook answered " + std::to_string(status));
  }

 private:
  StudyArchive& archive_;
  HttpSender& sender_;
  const WebhookSettings settings_;
  Clock& clock_;
};

}  // namespace

std::string webhook_body(const StudyArchive& archive, const StudyResults& study) {
  Json instances = Json::array();
  for (const Json& instance : study.instances) instances.push_back(event_of(archive, instance));
  const Json event = {{"type", "study.results"},
                      {"study_id", study.study_id},
                      {"study_instance_uid", study.study_instance_uid},
                      {"model_id", study.model_id},
                      {"instances", std::move(instances)}};
  return event.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string webhook_id(const std::string& body) { return "evt_" + to_hex(sha256(body)).substr(0, kIdDigits); }

std::string webhook_signature(const std::string& key, const std::string& id, const std::string& timestamp,
                              const std::string& body) {
  return "v1," + base64_encoded(hmac_sha256(key, id + "." + timestamp + "." + body));
}

std::unique_ptr<StudyWriter> make_webhook(StudyArchive& archive, HttpSender& sender, const WebhookSettings& settings,
                                          Clock& clock) {
  return std::make_unique<Webhook>(archive, sender, settings, clock);
}

}  // namespace chexworld::plugin
