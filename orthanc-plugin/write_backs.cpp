// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/write_backs.h"

#include "orthanc-plugin/metadata_writer.h"
#include "orthanc-plugin/report_writer.h"

#include <chrono>

namespace chexworld::plugin {

WriteBacks::WriteBacks(WorkerClient& client, StudyArchive& archive, HttpSender& sender,
                       const WriteBackSettings& settings, const WebhookSettings& webhook)
    : client_(client), archive_(archive), settings_(settings) {
  if (settings.report) add("report", make_report_writer(client, archive, settings.on_model_change), true);
  if (settings.metadata) add("metadata", make_metadata_writer(archive, settings.metadata_first), true);
  if (!webhook.url.empty()) add("webhook", make_webhook(archive, sender, webhook), false);
}

void WriteBacks::add(const std::string& name, std::unique_ptr<StudyWriter> writer, bool repeatable) {
  WriteBackOptions options;
  options.name = name;
  options.study_quiet = settings_.study_quiet;
  options.stable_quiet = std::min(options.stable_quiet, options.study_quiet);
  options.interval = std::chrono::milliseconds(60'000 / settings_.studies_per_minute);
  Kind kind;
  kind.writer = std::move(writer);
  kind.follower = std::make_unique<WriteBack>(client_, archive_, *kind.writer, options);
  kind.repeatable = repeatable;
  kinds_.push_back(std::move(kind));
}

void WriteBacks::start() {
  for (const Kind& kind : kinds_) kind.follower->start();
}

void WriteBacks::study_is_stable(const std::string& study_id) {
  for (const Kind& kind : kinds_) kind.follower->study_is_stable(study_id);
}

bool WriteBacks::rewind() {
  bool any = false;
  for (const Kind& kind : kinds_) {
    if (!kind.repeatable) continue;
    kind.follower->rewind();
    any = true;
  }
  return any;
}

Json WriteBacks::state() const {
  Json json = Json::object();
  for (const Kind& kind : kinds_) {
    const WriteBackState state = kind.follower->state();
    Json& entry = json[kind.follower->name()];
    entry = {
        {"written", state.written}, {"left_out", state.left_out}, {"retried", state.retried}, {"behind", state.behind}};
    if (!state.trouble.empty()) entry["trouble"] = state.trouble;
  }
  return json;
}

void WriteBacks::publish(const std::function<void(const char* name, std::uint64_t value)>& set) const {
  for (const Kind& kind : kinds_) {
    const WriteBackState state = kind.follower->state();
    const std::string name = "orthanc_chexworld_" + kind.follower->name();
    set((name + "_written_count").c_str(), state.written);
    set((name + "_left_out_count").c_str(), state.left_out);
    set((name + "_behind_count").c_str(), state.behind);
  }
}

void WriteBacks::stop() {
  for (const Kind& kind : kinds_) kind.follower->stop();
}

}  // namespace chexworld::plugin
