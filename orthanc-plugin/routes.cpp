// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/routes.h"

#include "base/failure.h"
#include "orthanc-plugin/rest.h"

#include <atomic>

namespace chexworld::plugin {
namespace {

/// Orthanc's REST callbacks carry no user data.
struct Registered {
  const OrthancHost* host = nullptr;
  std::atomic<Service*> service = nullptr;
};
Registered registered;

using Handler = Response (*)(Service& service, const Request& request);

Response forwarded(Service& service, const Request& request, const std::string& target) {
  WorkerRequest message;
  message.method = request.method;
  message.target = target + request.query;
  message.body = request.body;
  if (!request.content_type.empty()) message.content_type = request.content_type;
  message.accept = request.accept;
  message.time_limit = std::chrono::minutes(5);  // activating a model takes a while
  WorkerAnswer answer = service.worker().call(message).value();
  return {answer.status, answer.content_type.empty() ? "application/json" : answer.content_type,
          std::move(answer.body)};
}

// ---- of the whole ----

Response status(Service& service, const Request&) { return json_response(service.status()); }

Response failures(Service& service, const Request& request) { return forwarded(service, request, "/v1/failures"); }

Response retry(Service& service, const Request& request) {
  return forwarded(service, request, "/v1/failures/" + url_encoded(request.groups.at(0)) + "/retry");
}

Response models(Service& service, const Request& request) { return forwarded(service, request, "/v1/models"); }

Response active_model(Service& service, const Request& request) {
  return forwarded(service, request, "/v1/models/active");
}

Response model(Service& service, const Request& request) {
  return forwarded(service, request, "/v1/models/" + url_encoded(request.groups.at(0)));
}

Response search(Service& service, const Request& request) { return forwarded(service, request, "/v1/search"); }

std::shared_ptr<Follower> follower_of(Service& service) {
  auto follower = service.follower();
  if (!follower) fail(ErrorCode::kUnavailable, "the plugin is starting or stopping");
  return follower;
}

Response backfill(Service& service, const Request&) {
  if (!follower_of(service)->backfill()) fail(ErrorCode::kConflict, "a backfill is under way already");
  return json_response({{"status", "started"}}, 202);
}

// ---- of one resource ----

/// A DICOM tag of one of Orthanc's resources.
std::string tag_of(const std::string& kind, const std::string& id, const char* tag) {
  const auto resource = registered.host->get("/" + kind + "/" + url_encoded(id));
  if (!resource) fail(ErrorCode::kNotFound, "Orthanc has no such resource");
  return resource->at("MainDicomTags").at(tag).get<std::string>();
}

std::string instance_target(const Request& request) {
  return "/v1/instances/" + url_encoded(tag_of("instances", request.groups.at(0), "SOPInstanceUID"));
}

Response instance(Service& service, const Request& request) {
  return forwarded(service, request, instance_target(request));
}

Response embedding(Service& service, const Request& request) {
  return forwarded(service, request, instance_target(request) + "/embedding");
}

Response process_study(Service& service, const std::string& id) {
  const auto found = registered.host->get("/studies/" + url_encoded(id) + "/instances?expand=false");
  if (!found) fail(ErrorCode::kNotFound, "Orthanc has no such resource");
  std::vector<std::string> ids;
  for (const Json& entry : *found)
    ids.push_back(entry.is_string() ? entry.get<std::string>() : entry.at("ID").get<std::string>());
  follower_of(service)->process(ids);
  return json_response({{"queued", ids.size()}}, 202);
}

Response study(Service& service, const Request& request) {
  const std::string& id = request.groups.at(0);
  if (request.method == "POST") return process_study(service, id);
  return forwarded(service, request, "/v1/studies/" + url_encoded(tag_of("studies", id, "StudyInstanceUID")));
}

// ---- to Orthanc ----

Response answer(Handler handler, const OrthancPluginHttpRequest& request) {
  const auto response = capture([&] {
    Service* const service = registered.service;
    if (!service) fail(ErrorCode::kUnavailable, "the plugin is stopping");
    return handler(*service, request_from(request));
  });
  return response.ok() ? *response : error_response(response.error());
}

/// `allowed`: methods, separated by commas.
template <Handler handler, const char* allowed>
OrthancPluginErrorCode on_request(OrthancPluginRestOutput* output, const char*,
                                  const OrthancPluginHttpRequest* request) {
  return protect([&] {
    const std::string method = request_from(*request).method;
    if (std::string_view(allowed).find(method) == std::string_view::npos)
      return send_method_not_allowed(*registered.host, output, allowed);
    send(*registered.host, output, answer(handler, *request));
  });
}

constexpr char kGet[] = "GET", kPost[] = "POST", kDelete[] = "DELETE", kGetPost[] = "GET,POST", kGetPut[] = "GET,PUT";

struct Route {
  const char* pattern;
  OrthancPluginRestCallback callback;
};

/// The first that matches counts.
constexpr Route kRoutes[] = {
    {"/chexworld/status", on_request<status, kGet>},
    {"/chexworld/failures", on_request<failures, kGet>},
    {"/chexworld/failures/([^/]*)/retry", on_request<retry, kPost>},
    {"/chexworld/models", on_request<models, kGetPost>},
    {"/chexworld/models/active", on_request<active_model, kGetPut>},
    {"/chexworld/models/([^/]*)", on_request<model, kDelete>},
    {"/chexworld/search", on_request<search, kPost>},
    {"/chexworld/backfill", on_request<backfill, kPost>},
    {"/instances/([^/]*)/chexworld", on_request<instance, kGet>},
    {"/instances/([^/]*)/chexworld/embedding", on_request<embedding, kGet>},
    {"/studies/([^/]*)/chexworld", on_request<study, kGetPost>},
};

}  // namespace

void register_routes(const OrthancHost& host, Service& service) {
  static const OrthancHost kept = host;
  registered.host = &kept;
  registered.service = &service;
  for (const Route& route : kRoutes)
    OrthancPluginRegisterRestCallbackNoLock(host.context(), route.pattern, route.callback);
}

void withdraw_routes() { registered.service = nullptr; }

}  // namespace chexworld::plugin
