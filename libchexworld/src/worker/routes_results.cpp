// SPDX-License-Identifier: Apache-2.0
//
// What the store knows.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"

#include <utility>

namespace chexworld {
namespace {

StoredResult stored_result(Worker& worker, const std::string& uid, const std::string& model_id) {
  auto stored = worker.store().result(uid, model_id);
  if (!stored) fail(ErrorCode::kNotFound, "there is no result of this model for this instance");
  return std::move(*stored);
}

/// The result asked for. A model that has just become active has not seen the archive yet: until it has, an instance
/// is answered from the model that answers searches, so that nothing is missing for a while. The result names its
/// model.
StoredResult result_asked(Worker& worker, const HttpRequest& request, const std::string& uid) {
  Arguments arguments(request);
  const bool any = !arguments.text("model-id");
  const std::string model_id = model_asked(worker, arguments);
  const std::string before = any ? worker.retrieval().serving_model() : "";
  if (!before.empty() && before != model_id && !worker.store().result(uid, model_id)) {
    if (auto stored = worker.store().result(uid, before)) return std::move(*stored);
  }
  return stored_result(worker, uid, model_id);
}

/// The results of one model for a study; as for an instance, the model that has seen more of it.
std::pair<std::string, std::vector<StoredResult>> study_asked(Worker& worker, const HttpRequest& request,
                                                              const std::string& uid) {
  Arguments arguments(request);
  const bool any = !arguments.text("model-id");
  const std::string model_id = model_asked(worker, arguments);
  std::vector<StoredResult> found = worker.store().study(uid, model_id);
  const std::string before = any ? worker.retrieval().serving_model() : "";
  if (before.empty() || before == model_id) return {model_id, std::move(found)};
  std::vector<StoredResult> older = worker.store().study(uid, before);
  if (older.size() > found.size()) return {before, std::move(older)};
  return {model_id, std::move(found)};
}

HttpResponse get_instance(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  const StoredResult stored = result_asked(worker, request, path.at("sop-uid"));
  const std::string& model_id = stored.result.model_id;
  Json json = to_json(stored, labels_of(worker, model_id), thresholds_of(worker, model_id));
  Json locations = Json::array();
  for (const Location& location : worker.store().locations(path.at("sop-uid"))) locations.push_back(to_json(location));
  json["locations"] = std::move(locations);
  return json_response(json);
}

HttpResponse get_embedding(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  const StoredResult stored = result_asked(worker, request, path.at("sop-uid"));
  const std::vector<float>& embedding = stored.result.embedding;
  return array_response(request, embedding, {std::int64_t(embedding.size())}, stored.result.model_id,
                        {{"sop_instance_uid", stored.instance.sop_instance_uid}, {"model_id", stored.result.model_id}});
}

HttpResponse get_study(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  const auto [model_id, found] = study_asked(worker, request, path.at("study-uid"));
  if (found.empty()) fail(ErrorCode::kNotFound, "there is no result of this model for this study");
  const std::vector<std::string> labels = labels_of(worker, model_id);
  const Thresholds thresholds = thresholds_of(worker, model_id);
  Json instances = Json::array();
  for (const StoredResult& stored : found) instances.push_back(to_json(stored, labels, thresholds));
  return json_response(
      {{"study_instance_uid", path.at("study-uid")}, {"model_id", model_id}, {"instances", std::move(instances)}});
}

HttpResponse delete_instance(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  no_arguments(request);
  if (!worker.remove_instance(path.at("sop-uid"))) fail(ErrorCode::kNotFound, "this instance is not known");
  return json_response({{"status", "removed"}});
}

}  // namespace

std::string model_asked(Worker& worker, Arguments& arguments) {
  const auto asked = arguments.text("model-id");
  arguments.finish();
  if (asked) return *asked;
  const auto active = worker.store().active_model();
  if (!active) fail(ErrorCode::kNotFound, "no model has been active yet, so there are no results");
  return *active;
}

std::vector<std::string> labels_of(Worker& worker, const std::string& model_id) {
  for (const ModelState& state : worker.store().models()) {
    if (state.model.model_id == model_id) return state.model.finding_labels;
  }
  return {};
}

Thresholds thresholds_of(Worker& worker, const std::string& model_id) {
  Thresholds thresholds;
  if (!worker.models().has(model_id)) return thresholds;
  if (const auto head = worker.models().find(model_id).info.head) {
    for (const BundleLabel& label : head->labels) thresholds[label.name] = label.threshold;
  }
  return thresholds;
}

void add_result_routes(Router& router, Worker& worker) {
  const auto add = [&](const char* method, const char* pattern, auto handler) {
    router.add_direct(method, pattern, [&worker, handler](const HttpRequest& request, const PathParameters& path) {
      return handler(worker, request, path);
    });
  };
  add("GET", "/v1/instances/{sop-uid}", get_instance);
  add("GET", "/v1/instances/{sop-uid}/embedding", get_embedding);
  add("DELETE", "/v1/instances/{sop-uid}", delete_instance);
  add("GET", "/v1/studies/{study-uid}", get_study);
}

}  // namespace chexworld
