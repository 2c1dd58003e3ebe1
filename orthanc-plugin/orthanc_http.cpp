// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/orthanc_http.h"

#include "base/failure.h"
#include "orthanc-plugin/rest.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace chexworld::plugin {
namespace {

OrthancPluginHttpMethod method_of(const std::string& name) {
  if (name == "POST") return OrthancPluginHttpMethod_Post;
  if (name == "PUT") return OrthancPluginHttpMethod_Put;
  if (name == "DELETE") return OrthancPluginHttpMethod_Delete;
  return OrthancPluginHttpMethod_Get;
}

/// Notes a header of an answer that concerns us.
void take_header(const std::string& name, const std::string& value, WorkerAnswer& answer) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  if (lower == "content-type") answer.content_type = value;
  if (passes_on(lower)) answer.headers[lower] = value;
}

// What Orthanc's C interface calls, with a BodySource or a WorkerAnswer as its `void*`.

BodySource& source(void* body) { return *static_cast<BodySource*>(body); }
std::uint8_t is_done(void* body) { return source(body).done() ? 1 : 0; }
const void* piece_data(void* body) { return source(body).piece().data(); }
std::uint32_t piece_size(void* body) { return std::uint32_t(source(body).piece().size()); }
OrthancPluginErrorCode advance(void* body) {
  return source(body).advance() ? OrthancPluginErrorCode_Success : OrthancPluginErrorCode_CanceledJob;
}
OrthancPluginErrorCode add_bytes(void* answer, const void* data, std::uint32_t size) {
  return protect([&] { static_cast<WorkerAnswer*>(answer)->body.append(static_cast<const char*>(data), size); });
}
OrthancPluginErrorCode add_header(void* answer, const char* name, const char* value) {
  return protect([&] { take_header(name, value, *static_cast<WorkerAnswer*>(answer)); });
}

}  // namespace

WorkerAnswer ask(const OrthancHost& host, const HttpRequest& request, BodySource& body) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : request.headers) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  WorkerAnswer answer;
  std::uint16_t status = 0;
  const OrthancPluginErrorCode failed = OrthancPluginChunkedHttpClient(
      host.context(), &answer, add_bytes, add_header, &status, method_of(request.method), request.url.c_str(),
      std::uint32_t(names.size()), names.data(), values.data(), &body, is_done, piece_data, piece_size, advance,
      nullptr, nullptr, request.time_limit_s, nullptr, nullptr, nullptr, 0);
  if (status == 0)
    fail(ErrorCode::kUnavailable, "no connection to the worker at " + request.url.substr(0, request.url.find("/v1/")) +
                                      " (Orthanc's error " + std::to_string(int(failed)) + ")");
  answer.status = status;
  return answer;
}

}  // namespace chexworld::plugin
