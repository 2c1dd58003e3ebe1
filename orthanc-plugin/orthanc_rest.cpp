// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/orthanc_rest.h"

#include "base/failure.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace chexworld::plugin {
namespace {

/// Orthanc answers these with an error of its own instead of a status.
int status_of(OrthancPluginErrorCode failed) {
  switch (failed) {
    case OrthancPluginErrorCode_UnknownResource:
    case OrthancPluginErrorCode_InexistentItem:
    case OrthancPluginErrorCode_InexistentFile: return 404;
    case OrthancPluginErrorCode_BadFileFormat:
    case OrthancPluginErrorCode_BadRequest:
    case OrthancPluginErrorCode_ParameterOutOfRange: return 400;
    default: return 0;
  }
}

}  // namespace

OrthancPluginHttpMethod http_method(std::string_view name) {
  if (name == "POST") return OrthancPluginHttpMethod_Post;
  if (name == "PUT") return OrthancPluginHttpMethod_Put;
  if (name == "DELETE") return OrthancPluginHttpMethod_Delete;
  return OrthancPluginHttpMethod_Get;
}

std::map<std::string, std::string> headers_from(std::string_view json) {
  std::map<std::string, std::string> headers;
  const Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object()) return headers;
  for (const auto& [name, value] : parsed.items()) {
    if (!value.is_string()) continue;
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    headers[lower] = value.get<std::string>();
  }
  return headers;
}

RestAnswer call_orthanc(const OrthancHost& host, const RestRequest& request) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : request.headers) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  OrthancBuffer body(host.context()), headers(host.context());
  std::uint16_t status = 0;
  const OrthancPluginErrorCode failed =
      OrthancPluginCallRestApi(host.context(), body.target(), headers.target(), &status, http_method(request.method),
                               request.path.c_str(), std::uint32_t(names.size()), names.data(), values.data(),
                               request.body.data(), std::uint32_t(request.body.size()), 0);
  if (failed == OrthancPluginErrorCode_Success)
    return {int(status), headers_from(headers.text()), std::string(body.text())};
  if (const int known = status_of(failed); known != 0) return {known, {}, ""};
  fail(ErrorCode::kUnavailable, "Orthanc did not answer " + request.method + " " +
                                    request.path.substr(0, request.path.find('/', 1)) + " (its error " +
                                    std::to_string(int(failed)) + ")");
}

}  // namespace chexworld::plugin
