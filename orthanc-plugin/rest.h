// SPDX-License-Identifier: GPL-3.0-or-later
//
// Between Orthanc's REST callbacks (C) and handlers that take a request and return a response.
#pragma once

#include "orthanc-plugin/orthanc_host.h"

#include <chexworld/result.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld::plugin {

struct Request {
  std::string method;               ///< "GET", "POST", "PUT", "DELETE"
  std::vector<std::string> groups;  ///< what the route's pattern captured
  std::string query;                ///< "?limit=10&state=parked", encoded; empty without arguments. With other methods
                                    ///< than GET from the header X-Chexworld-Arguments
  std::string_view body;            ///< valid during the callback
  std::string content_type;
  std::string accept;
};
Request request_from(const OrthancPluginHttpRequest& request);

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers = {};  ///< besides content type and length
};

Response json_response(const Json& json, int status = 200);

/// error_json() with the HTTP status of the error.
Response error_response(const Error& error);

/// Sends `response` as the answer to the request behind `output`.
void send(const OrthancHost& host, OrthancPluginRestOutput* output, const Response& response);

/// Answers 405 with the methods that are allowed, e.g. "GET".
void send_method_not_allowed(const OrthancHost& host, OrthancPluginRestOutput* output, const char* allowed);

/// Every C callback goes through here: no exception may reach Orthanc.
template <class Action>
OrthancPluginErrorCode protect(Action&& action) noexcept {
  try {
    action();
    return OrthancPluginErrorCode_Success;
  } catch (const std::bad_alloc&) {
    return OrthancPluginErrorCode_NotEnoughMemory;
  } catch (...) {
    return OrthancPluginErrorCode_Plugin;
  }
}

}  // namespace chexworld::plugin
