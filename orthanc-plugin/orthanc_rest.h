// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's own REST API with methods, headers and statuses, for what OrthancHost::get does not do.
#pragma once

#include "orthanc-plugin/orthanc_host.h"

#include <map>
#include <string>
#include <string_view>

namespace chexworld::plugin {

struct RestAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
};

struct RestRequest {
  std::string method = "GET";
  std::string path;
  std::string_view body = {};
  std::map<std::string, std::string> headers = {};
};

/// Throws Failure(kUnavailable) where Orthanc does not answer with a status.
RestAnswer call_orthanc(const OrthancHost& host, const RestRequest& request);

/// Orthanc's JSON of an answer's headers, names in lower case.
std::map<std::string, std::string> headers_from(std::string_view json);

OrthancPluginHttpMethod http_method(std::string_view name);

}  // namespace chexworld::plugin
