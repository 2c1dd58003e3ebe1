// SPDX-License-Identifier: Apache-2.0
#include "worker/json.h"

#include <bit>

namespace chexworld {
namespace {

Json names_json(const std::vector<QualityNote>& notes) {
  Json names = Json::array();
  for (const QualityNote note : notes) names.push_back(name_of(note));
  return names;
}

/// One finding. What the head abstained from has no probability, and is neither present nor absent.
Json finding_json(const std::string& name, const std::optional<double>& probability,
                  const std::optional<double>& threshold, const std::string& reason) {
  Json json = {{"name", name}, {"state", probability ? "answered" : "abstained"}, {"probability", nullptr}};
  if (threshold) json["threshold"] = *threshold;
  if (!probability) {
    json["reason"] = reason;
    return json;
  }
  json["probability"] = *probability;
  if (threshold) json["present"] = *probability >= *threshold;
  return json;
}

Json findings_json(const RadiographResult& result) {
  Json list = Json::array();
  for (const Finding& finding : result.findings)
    list.push_back(finding_json(finding.name, finding.probability, finding.threshold,
                                result.abstained ? result.abstained->reason : ""));
  return list;
}

Json findings_json(const ResultRecord& result, const std::vector<std::string>& labels, const Thresholds& thresholds) {
  Json list = Json::array();
  const std::size_t answered = result.finding_probabilities.size();
  for (std::size_t i = 0; i < labels.size() && (i < answered || !result.abstained.empty()); ++i) {
    const auto threshold = thresholds.find(labels[i]);
    list.push_back(finding_json(
        labels[i], i < answered ? std::optional(double(result.finding_probabilities[i])) : std::nullopt,
        threshold == thresholds.end() ? std::nullopt : std::optional(threshold->second), result.abstained));
  }
  return list;
}

Json timings_json(const PipelineTimings& timings) {
  return {{"queued", timings.queued_ms},       {"decode", timings.decode_ms}, {"gathered", timings.gathered_ms},
          {"inference", timings.inference_ms}, {"stored", timings.stored_ms}, {"total", timings.total_ms}};
}

Json labels_json(const std::vector<StoredLabel>& labels) {
  Json list = Json::array();
  for (const StoredLabel& stored : labels) {
    Json json = to_json(stored.label);
    json["of"] = stored.level == LabelLevel::kStudy ? "study" : "instance";
    list.push_back(std::move(json));
  }
  return list;
}

Json date_json(const std::optional<std::chrono::year_month_day>& date) {
  if (!date) return nullptr;
  char text[16];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", int(date->year()), unsigned(date->month()), unsigned(date->day()));
  return text;
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "raw arrays are written as they lie in memory");

std::string array_bytes(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

Json array_json(std::span<const float> values, const std::vector<std::int64_t>& shape) {
  return {{"shape", shape}, {"data", std::vector<float>(values.begin(), values.end())}};
}

Json to_json(const std::optional<Abstention>& abstained) {
  if (!abstained) return nullptr;
  return {{"reason", abstained->reason}, {"detail", abstained->detail}};
}

std::optional<Abstention> abstention_of(const ResultRecord& result) {
  if (result.abstained.empty()) return std::nullopt;
  return Abstention{result.abstained, result.abstained_detail};
}

Json to_json(const PipelineOutcome& outcome) {
  const RadiographResult& result = outcome.result.value();
  const bool accepted = result.gate.accepted();
  Json json = {{"status", accepted ? "embedded" : "skipped"},
               {"sop_instance_uid", result.attributes.sop_instance_uid},
               {"model_id", result.model_id},
               {"gate", {{"reason", name_of(result.gate.reason)}, {"detail", result.gate.detail}}},
               {"timings_ms", timings_json(outcome.timings)}};
  if (!accepted) return json;
  json["precision"] = name_of(result.precision);
  json["view"] = name_of(result.gate.view);
  json["projection"] = name_of(result.gate.projection);
  json["view_from"] = name_of(result.gate.view_from);
  json["quality"] = names_json(result.quality);
  json["doubts"] = result.doubts;
  json["embedding_size"] = result.embedding.size();
  json["findings"] = findings_json(result);
  json["abstained"] = to_json(result.abstained);
  json["batch"] = outcome.timings.batch;
  return json;
}

Json to_json(const StoredResult& stored, const std::vector<std::string>& labels, const Thresholds& thresholds) {
  const InstanceRecord& instance = stored.instance;
  return {{"status", "embedded"},
          {"sequence", stored.sequence},
          {"sop_instance_uid", instance.sop_instance_uid},
          {"sop_class_uid", instance.sop_class_uid},
          {"series_instance_uid", instance.series_instance_uid},
          {"study_instance_uid", instance.study_instance_uid},
          {"view", instance.view},
          {"sex", instance.sex},
          {"age_years", instance.age_years ? Json(*instance.age_years) : Json(nullptr)},
          {"acquisition_date", date_json(instance.acquisition_date)},
          {"model_id", stored.result.model_id},
          {"precision", stored.result.precision},
          {"preprocessing_version", stored.result.preprocessing_version},
          {"embedding_size", stored.result.embedding.size()},
          {"quality", stored.result.quality},
          {"findings", findings_json(stored.result, labels, thresholds)},
          {"abstained", to_json(abstention_of(stored.result))},
          {"labels", labels_json(stored.labels)},
          {"timings_ms", {{"decode", stored.result.decode_ms}, {"inference", stored.result.infer_ms}}},
          {"stored_at", iso8601_utc(stored.stored_at)}};
}

Json to_json(const Label& label) { return {{"name", label.name}, {"value", label.value}, {"source", label.source}}; }

Json to_json(const PipelineModel& model) {
  const EngineFacts& engine = model.engine;
  return {{"model_id", model.model_id},
          {"precision", name_of(engine.precision)},
          {"backend", engine.backend},
          {"instructions", engine.instructions},
          {"threads", engine.threads},
          {"streams", model.streams},
          {"image_size", engine.image_size},
          {"embedding_size", engine.width},
          {"labels", model.labels},
          {"self_test_passed", engine.self_test_passed},
          {"least_cosine", engine.least_cosine ? Json(*engine.least_cosine) : Json(nullptr)},
          {"remarks", model.remarks}};
}

Json to_json(const PipelineStats& stats) {
  Json batches = Json::object();
  for (const auto& [size, count] : stats.batches) batches[std::to_string(size)] = count;
  return {{"inside", stats.inside},       {"waiting", stats.waiting},     {"prepared", stats.prepared},
          {"bytes", stats.bytes},         {"submitted", stats.submitted}, {"refused", stats.refused},
          {"embedded", stats.embedded},   {"skipped", stats.skipped},     {"failed", stats.failed},
          {"cancelled", stats.cancelled}, {"switches", stats.switches},   {"batches", std::move(batches)}};
}

std::string_view name_of(WorkState state) {
  switch (state) {
    case WorkState::kQueued: return "queued";
    case WorkState::kParked: return "parked";
    case WorkState::kSkipped: return "skipped";
  }
  return "";
}

Json to_json(const Location& location) {
  return {{"server", location.server},
          {"instance_id", location.instance_id},
          {"series_id", location.series_id},
          {"study_id", location.study_id}};
}

Json to_json(const Trouble& trouble) {
  return {{"id", trouble.work},
          {"location", to_json(trouble.location)},
          {"model_id", trouble.model_id},
          {"state", name_of(trouble.state)},
          {"attempts", trouble.attempts},
          {"reason_code", trouble.reason_code},
          {"reason", trouble.reason},
          {"failed_at", iso8601_utc(trouble.failed_at)},
          {"next_try", trouble.state == WorkState::kQueued ? Json(iso8601_utc(trouble.next_try)) : Json(nullptr)}};
}

Json to_json(const ClaimedWork& work) {
  return {{"work", work.lease.work},
          {"claim", work.lease.claim},
          {"location", to_json(work.location)},
          {"priority", work.priority == Priority::kArrival ? "arrival" : "backfill"},
          {"attempts", work.attempts}};
}

Json to_json(const AuditEntry& entry) {
  return {{"at", iso8601_utc(entry.at)}, {"event", entry.event},
          {"model_id", entry.model_id},  {"previous_model_id", entry.previous_model_id},
          {"actor", entry.actor},        {"note", entry.note}};
}

}  // namespace chexworld
