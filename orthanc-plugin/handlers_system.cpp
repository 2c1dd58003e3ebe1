// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/failure.h"
#include "orthanc-plugin/handlers.h"

namespace chexworld::plugin {
namespace {

constexpr std::chrono::minutes kAnswerLimit{5};  // activating a model takes a while

}  // namespace

WorkerRequest to_worker(const Request& request, const std::string& target) {
  WorkerRequest message;
  message.method = request.method;
  message.target = target + request.query;
  message.body = request.body;
  if (!request.content_type.empty()) message.content_type = request.content_type;
  message.accept = request.accept;
  message.time_limit = kAnswerLimit;
  return message;
}

Response response_from(WorkerAnswer answer) {
  Response response{answer.status, answer.content_type, std::move(answer.body), std::move(answer.headers)};
  if (response.content_type.empty()) response.content_type = "application/json";
  return response;
}

Response forwarded(Service& service, const Request& request, const std::string& target) {
  return response_from(service.worker().call(to_worker(request, target)).value());
}

Response get_status(Service& service, const Request&) { return json_response(service.status()); }

Response get_failures(Service& service, const Request& request) { return forwarded(service, request, "/v1/failures"); }

Response retry_failure(Service& service, const Request& request) {
  return forwarded(service, request, "/v1/failures/" + url_encoded(request.groups.at(0)) + "/retry");
}

Response start_backfill(Service& service, const Request&) {
  if (!service.running_follower()->backfill()) fail(ErrorCode::kConflict, "a backfill is under way already");
  return json_response({{"status", "started"}}, 202);
}

Response start_write_back(Service& service, const Request&) {
  if (!service.running_write_backs()->rewind())
    fail(ErrorCode::kConflict, "neither reports nor metadata are written back: see the settings of \"WriteBack\"");
  return json_response({{"status", "started"}}, 202);
}

Response get_models(Service& service, const Request& request) { return forwarded(service, request, "/v1/models"); }

Response active_model(Service& service, const Request& request) {
  return forwarded(service, request, "/v1/models/active");
}

Response drop_model(Service& service, const Request& request) {
  return forwarded(service, request, "/v1/models/" + url_encoded(request.groups.at(0)));
}

}  // namespace chexworld::plugin
