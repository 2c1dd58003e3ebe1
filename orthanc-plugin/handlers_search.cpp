// SPDX-License-Identifier: GPL-3.0-or-later
//
// Similar cases: Orthanc's ids in, the worker's answer with Orthanc's ids out.
#include "base/failure.h"
#include "orthanc-plugin/handlers.h"

namespace chexworld::plugin {
namespace {

/// Orthanc's id of what this resource belongs to; null where it has just gone.
Json parent_of(const OrthancHost& host, const std::string& path, const char* name) {
  const auto resource = host.get(path);
  return resource ? resource->value(name, Json()) : Json();
}

/// Where a hit lies in this Orthanc; null where it does not (deleted just now, or a copy of another Orthanc). Asked
/// upwards from the instance: UIDs of series and studies are sometimes used for several patients.
Json place_of(const OrthancHost& host, const Json& hit) {
  const auto instance = host.instance_of(hit.value("sop_instance_uid", ""));
  if (!instance) return nullptr;
  const Json series = parent_of(host, "/instances/" + *instance, "ParentSeries");
  if (!series.is_string()) return nullptr;
  const Json study = parent_of(host, "/series/" + series.get<std::string>(), "ParentStudy");
  if (!study.is_string()) return nullptr;
  return {{"instance", *instance}, {"series", series}, {"study", study}};
}

void add_places(const OrthancHost& host, Json& reply) {
  for (Json& hit : reply.at("hits")) hit["orthanc"] = place_of(host, hit);
}

Response with_places(Service& service, Response response) {
  if (response.status != 200) return response;
  Json answer = parse_json(response.body, "the worker's answer");
  if (answer.contains("replies")) {  // of several searches at once
    for (Json& reply : answer["replies"]) add_places(service.host(), reply);
  } else {
    add_places(service.host(), answer);
  }
  response.body = answer.dump(2) + "\n";
  return response;
}

/// {"orthanc_instance": ID} becomes {"instance": UID}, {"orthanc_study": ID} becomes {"study": UID}.
void name_by_uid(Service& service, Json& example) {
  static constexpr struct {
    const char *ours, *kind, *theirs;
  } kNames[] = {{"orthanc_instance", "instances", "instance"}, {"orthanc_study", "studies", "study"}};
  for (const auto& name : kNames) {
    const auto found = example.find(name.ours);
    if (found == example.end()) continue;
    if (!found->is_string())
      fail(ErrorCode::kInvalidArgument, std::string("'") + name.ours + "' must be an id of Orthanc's");
    const std::string uid = uid_of(service, name.kind, found->get<std::string>());
    example.erase(name.ours);
    example[name.theirs] = uid;
  }
}

void translate(Service& service, Json& search) {
  for (const char* list : {"positive", "negative"})
    if (search.is_object() && search.contains(list) && search[list].is_array())
      for (Json& example : search[list])
        if (example.is_object()) name_by_uid(service, example);
}

/// Writing JSON recurses, so depth is bounded: a body must not be able to exhaust the stack of the PACS.
Json shallow_json(std::string_view body) {
  constexpr int kDeepest = 16;
  const auto bounded = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) fail(ErrorCode::kMalformed, "the body is nested too deeply");
    return true;
  };
  try {
    return Json::parse(body, bounded);
  } catch (const Json::parse_error&) {
    fail(ErrorCode::kMalformed, "the body is not valid JSON");
  }
}

std::string translated(Service& service, std::string_view body) {
  Json search = shallow_json(body);
  translate(service, search);
  if (search.is_object() && search.contains("searches") && search["searches"].is_array())
    for (Json& one : search["searches"]) translate(service, one);
  return search.dump();
}

/// Orthanc's users seldom name the type of their JSON; no DICOM object, PNG or JPEG begins like this.
bool is_json(const Request& request) {
  const std::size_t first = request.body.find_first_not_of(" \t\r\n");
  return request.content_type.starts_with("application/json") ||
         (first != std::string_view::npos && request.body[first] == '{');
}

}  // namespace

Response similar_to_instance(Service& service, const Request& request) {
  return with_places(service, forwarded(service, request, instance_target(service, request.groups.at(0)) + "/similar"));
}

Response similar_to_study(Service& service, const Request& request) {
  return with_places(service, forwarded(service, request, study_target(service, request.groups.at(0)) + "/similar"));
}

Response search(Service& service, const Request& request) {
  WorkerRequest message = to_worker(request, "/v1/search");
  std::string body;
  if (is_json(request)) {
    body = translated(service, request.body);
    message.body = body;
    message.content_type = "application/json";
  } else if (!request.content_type.starts_with("image/")) {
    message.content_type = "application/octet-stream";
  }
  return with_places(service, response_from(service.worker().call(message).value()));
}

}  // namespace chexworld::plugin
