// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/rest.h"

#include "base/error_json.h"

#include "orthanc-plugin/worker_client.h"

#include <cctype>

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

/// A query as it may stand in a request line.
std::string safe_query(std::string_view arguments) {
  std::string query;
  for (const char c : arguments)
    if (std::isalnum(static_cast<unsigned char>(c)) || std::string_view("-._~%&=+").find(c) != std::string_view::npos)
      query += c;
  return query.empty() ? "" : "?" + query;
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
    // Orthanc passes a query on with GET alone.
    if (name == "x-chexworld-arguments" && result.method != "GET") result.query = safe_query(request.headersValues[i]);
  }
  return result;
}

Response json_response(const Json& json, int status) { return {status, "application/json", json.dump(2) + "\n"}; }

Response error_response(const Error& error) {
  Response response{error.http_status(), "application/json", error_json(error).dump(2) + "\n"};
  if (response.status == 503) response.headers["Retry-After"] = "5";
  return response;
}

void send(const OrthancHost& host, OrthancPluginRestOutput* output, const Response& response) {
  const auto size = static_cast<std::uint32_t>(response.body.size());
  for (const auto& [name, value] : response.headers)
    OrthancPluginSetHttpHeader(host.context(), output, name.c_str(), value.c_str());
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
