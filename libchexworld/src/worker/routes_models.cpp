// SPDX-License-Identifier: Apache-2.0
//
// Bundles in, hand-over, and what each model has done.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"

#include <set>

namespace chexworld {
namespace {

std::map<std::string, ModelState> states_of(Worker& worker) {
  std::map<std::string, ModelState> states;
  for (ModelState& state : worker.store().models()) states[state.model.model_id] = std::move(state);
  return states;
}

Json kept_json(const KeptModel& kept) {
  return {{"model_id", kept.info.model_id},     {"architecture", kept.info.architecture},
          {"image_size", kept.info.image_size}, {"embedding_size", kept.info.width},
          {"parameters", kept.info.parameters}, {"has_self_test", kept.info.has_self_test},
          {"licence", kept.info.licence},       {"size_bytes", kept.size_bytes}};
}

void add_state(Json& json, const ModelState& state) {
  json["name"] = state.model.name;
  json["labels"] = state.model.finding_labels;
  json["results"] = state.results;
  json["queued"] = state.queued;
  json["parked"] = state.parked;
  json["skipped"] = state.skipped;
}

/// What answered before `active` took over; empty where nothing did, or where nobody remembers.
std::string model_before(Worker& worker, const std::string& active) {
  constexpr std::uint32_t kMost = 1000;
  for (const AuditEntry& entry : worker.store().audit(kMost))  // newest first
    if (entry.event == "activated" && entry.model_id == active) return entry.previous_model_id;
  return "";
}

/// Kept bundles, and models whose bundle has gone but whose results are there ("kept": false).
HttpResponse list_models(Worker& worker, const HttpRequest& request, const PathParameters&) {
  no_arguments(request);
  const auto serving = worker.model();
  std::map<std::string, Json> models;
  for (const KeptModel& kept : worker.models().list()) {
    Json json = kept_json(kept);
    json["kept"] = true;
    models[kept.info.model_id] = std::move(json);
  }
  for (const auto& [id, state] : states_of(worker)) {
    if (!models.contains(id)) models[id] = {{"model_id", id}, {"kept", false}};
    add_state(models[id], state);
  }
  Json list = Json::array();
  for (auto& [id, json] : models) {
    json["active"] = serving && serving->model_id == id;
    list.push_back(std::move(json));
  }
  const std::string previous = serving ? model_before(worker, serving->model_id) : "";
  return json_response({{"active", serving ? Json(serving->model_id) : Json(nullptr)},
                        {"previous", previous.empty() ? Json(nullptr) : Json(previous)},
                        {"models", std::move(list)}});
}

std::set<std::string> kept_ids(Worker& worker) {
  std::set<std::string> ids;
  for (const KeptModel& kept : worker.models().list()) ids.insert(kept.info.model_id);
  return ids;
}

/// What a hand-over has changed, and that known instances wait for the new model.
void add_handover(Json& json, Worker& worker, const std::optional<PipelineModel>& before, const std::string& model_id,
                  bool reembed) {
  json["previous_model_id"] = before ? Json(before->model_id) : Json(nullptr);
  json["queued_for_reembedding"] = reembed ? worker.store().enqueue_missing(model_id) : 0;
}

HttpResponse upload_model(Worker& worker, const HttpRequest& request, const PathParameters&) {
  Arguments arguments(request);
  const std::string expected = arguments.text("model-id", "");
  const std::string name = arguments.text("name", "");
  const bool activate = arguments.boolean("activate", false);
  const bool reembed = arguments.boolean("reembed", true);
  arguments.finish();
  if (!request.body_file) fail(ErrorCode::kInternal, "the upload did not arrive as a file");
  const std::set<std::string> before = kept_ids(worker);
  const auto serving_before = worker.model();
  const KeptModel kept = within("the uploaded bundle was refused",
                                [&] { return worker.add_model(request.body_file->path(), expected, name); });
  const std::string& id = kept.info.model_id;
  const Result<void> activated = capture([&] {
    if (activate) worker.activate(id, "rest", "uploaded");
  });
  if (!activated.ok()) {
    if (!before.contains(id)) worker.drop_model(id, "rest");
    throw Failure(activated.error());
  }
  Json json = kept_json(kept);
  json["active"] = activate;
  if (activate) add_handover(json, worker, serving_before, id, reembed);
  return json_response(json, 201);
}

HttpResponse activate_model(Worker& worker, const HttpRequest& request, const PathParameters&) {
  no_arguments(request);
  ConfigReader reader(json_body(request), "the body");
  const std::string model_id = reader.text("model_id", "");
  const std::string note = reader.text("note", "");
  const bool reembed = reader.boolean("reembed", true);
  reader.finish();
  if (!is_model_id(model_id))
    fail(ErrorCode::kInvalidArgument, "the body must name a 'model_id' of 64 hexadecimal digits");
  const auto before = worker.model();
  worker.activate(model_id, "rest", note);
  Json json = to_json(worker.model().value());
  add_handover(json, worker, before, model_id, reembed);
  return json_response(json);
}

HttpResponse active_model(Worker& worker, const HttpRequest& request, const PathParameters&) {
  no_arguments(request);
  const auto model = worker.model();
  if (!model) fail(ErrorCode::kNotFound, worker.trouble());
  return json_response(to_json(*model));
}

HttpResponse drop_model(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  no_arguments(request);
  worker.drop_model(path.at("id"), "rest");
  return json_response({{"status", "removed"}});
}

HttpResponse audit(Worker& worker, const HttpRequest& request, const PathParameters&) {
  Arguments arguments(request);
  const auto most = arguments.integer("limit", 1, 10'000).value_or(100);
  arguments.finish();
  Json entries = Json::array();
  for (const AuditEntry& entry : worker.store().audit(std::uint32_t(most))) entries.push_back(to_json(entry));
  return json_response({{"entries", std::move(entries)}});
}

}  // namespace

void add_model_routes(Router& router, Worker& worker) {
  const auto add = [&](const char* method, const char* pattern, auto handler) {
    router.add_direct(method, pattern, [&worker, handler](const HttpRequest& request, const PathParameters& path) {
      return handler(worker, request, path);
    });
  };
  add("GET", "/v1/models", list_models);
  add("POST", "/v1/models", upload_model);
  add("GET", "/v1/models/active", active_model);
  add("PUT", "/v1/models/active", activate_model);
  add("GET", "/v1/models/audit", audit);
  add("DELETE", "/v1/models/{id}", drop_model);
}

BodyPolicy body_policy(const std::string& method, const std::string& path, std::uint64_t max_object_bytes) {
  constexpr std::uint64_t kMostBundleBytes = 16ull << 30;
  constexpr std::uint64_t kMostJsonBytes = 64ull << 20;
  if (path == "/v1/models") return {kMostBundleBytes, method == "POST"};
  const bool report = path.starts_with("/v1/studies/") && path.ends_with("/report");
  if (report || path == "/v1/instances" || path == "/v1/embed" || path == "/v1/search" || path == "/v1/heatmap")
    return {max_object_bytes, false};
  return {kMostJsonBytes, false};
}

}  // namespace chexworld
