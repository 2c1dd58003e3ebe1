// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/rest.h"

#include "base/error_json.h"

namespace chexworld::plugin {

Response json_response(const Json& json) { return {200, "application/json", json.dump(2) + "\n"}; }

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
