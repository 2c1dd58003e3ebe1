// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/failure.h"
#include "orthanc-plugin/handlers.h"

namespace chexworld::plugin {
namespace {

/// A result from the worker; while it cannot be asked, the last one it gave, and that is said.
Response result_of(Service& service, const Request& request, const std::string& target) {
  AnswerCache& answers = service.answers();
  const std::string name = target + request.query;
  const Result<Response> answer = capture([&] { return forwarded(service, request, target); });
  if (answer.ok() && answer->status != 503) {
    answer->status == 200 ? answers.keep(name, answer->body) : answers.drop(name);
    return *answer;
  }
  if (const auto kept = answers.find(name)) return json_response(*kept);
  return answer.value();
}

Response process_study(Service& service, const std::string& id) {
  const auto found = service.host().get("/studies/" + url_encoded(id) + "/instances?expand=false");
  if (!found) fail(ErrorCode::kNotFound, "Orthanc has no such resource");
  std::vector<std::string> ids;
  for (const Json& entry : *found)
    ids.push_back(entry.is_string() ? entry.get<std::string>() : entry.at("ID").get<std::string>());
  service.running_follower()->process(ids);
  return json_response({{"queued", ids.size()}}, 202);
}

}  // namespace

std::string uid_of(Service& service, const std::string& kind, const std::string& orthanc_id) {
  const auto resource = service.host().get("/" + kind + "/" + url_encoded(orthanc_id));
  if (!resource) fail(ErrorCode::kNotFound, "Orthanc has no such resource");
  return resource->at("MainDicomTags").at(kind == "studies" ? "StudyInstanceUID" : "SOPInstanceUID");
}

std::string instance_target(Service& service, const std::string& orthanc_id) {
  return "/v1/instances/" + url_encoded(uid_of(service, "instances", orthanc_id));
}

std::string study_target(Service& service, const std::string& orthanc_id) {
  return "/v1/studies/" + url_encoded(uid_of(service, "studies", orthanc_id));
}

Response get_instance(Service& service, const Request& request) {
  return result_of(service, request, instance_target(service, request.groups.at(0)));
}

Response get_embedding(Service& service, const Request& request) {
  return forwarded(service, request, instance_target(service, request.groups.at(0)) + "/embedding");
}

/// The worker keeps no pictures: it is sent the object again.
Response get_heatmap(Service& service, const Request& request) {
  WorkerRequest message = to_worker(request, "/v1/heatmap");
  if (request.query.find("output=") == std::string::npos)
    message.target += request.query.empty() ? "?output=png" : "&output=png";
  message.method = "POST";
  message.content_type = "application/dicom";
  Response response;
  const bool there = service.archive().with_dicom(request.groups.at(0), [&](std::string_view file) {
    message.body = file;
    response = response_from(service.worker().call(message).value());
  });
  if (!there) fail(ErrorCode::kNotFound, "Orthanc has no such resource");
  return response;
}

Response study(Service& service, const Request& request) {
  const std::string& id = request.groups.at(0);
  if (request.method == "POST") return process_study(service, id);
  return result_of(service, request, study_target(service, id));
}

}  // namespace chexworld::plugin
