// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/rest.h"

#include "base/error_json.h"

#include "orthanc-plugin/worker_client.h"

namespace chexworld::plugin {
namespace {

const char* name_of(OrthancPluginHttpMethod method) {
  switch (method) {
    case OrthancPluginHttpMethod_Post: return "POST";
    case OrthancPluginHttpMethod_Put: return "PUT";
    case OrthancPluginHttpMethod_Delete: return "DELETE";
    default: return "GET";
  }
}

}  // namespace

Request request_from(const OrthancPluginHttpRequest& request) {
  Request result;
  result.method = name_of(request.method);
  for (std::uint32_t i = 0; i < request.groupsCount; ++i) result.groups.emplace_back(request.groups[i]);
  for (std::uint32_t i = 0; i < request.getCount; ++i)
    result.query += (i == 0 ? "?" : "&") + url_encoded(request.getKeys[i]) + "=" + url_encoded(request.getValues[i]);
  result.body = {static_cast<const char*>(request.body), request.bodySize};
  for (std::uint32_t i = 0; i < request.headersCount; ++i) {  // names come in lower case
    const std::string_view name = request.headersKeys[i];
    if (name == "content-type") result.content_type = request.headersValues[i];
    if (name == "accept") result.accept = request.headersValues[i];
  }
  return result;
}

Response json_response(const Json& json, int status) { return {status, "application/json", json.dump(2) + "\n"}; }

Response error_response(const Error& error) {
  return {error.http_status(), "application/json", error_json(error).dump(2) + "\n"};
}

void send(const OrthancHost& host, OrthancPluginRestOutput* output, const Response& response) {
  const auto size = static_cast<std::uint32_t>(response.body.size());
  if (response.status == 200) {
    OrthancPluginAnswerBuffer(host.context(), output, response.body.data(), size, response.content_type.c_str());
    return;
  }
  OrthancPluginSetHttpHeader(host.context(), output, "Content-Type", response.content_type.c_str());
  OrthancPluginSendHttpStatus(host.context(), output, static_cast<std::uint16_t>(response.status), response.body.data(),
                              size);
}

void send_method_not_allowed(const OrthancHost& host, OrthancPluginRestOutput* output, const char* allowed) {
  OrthancPluginSendMethodNotAllowed(host.context(), output, allowed);
}

}  // namespace chexworld::plugin
