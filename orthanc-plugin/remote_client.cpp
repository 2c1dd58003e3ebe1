// SPDX-License-Identifier: GPL-3.0-or-later
//
// A worker elsewhere, through Orthanc's own HTTP client: its proxies, certificates and TLS settings apply.
#include "orthanc-plugin/remote_client.h"
#include "base/failure.h"
#include "orthanc-plugin/orthanc_buffer.h"

#include <algorithm>
#include <map>
#include <vector>

namespace chexworld::plugin {
namespace {

OrthancPluginHttpMethod method_of(const std::string& name) {
  if (name == "POST") return OrthancPluginHttpMethod_Post;
  if (name == "PUT") return OrthancPluginHttpMethod_Put;
  if (name == "DELETE") return OrthancPluginHttpMethod_Delete;
  return OrthancPluginHttpMethod_Get;
}

std::string content_type_in(std::string_view headers) {
  const Json json = Json::parse(headers, nullptr, false);
  if (!json.is_object()) return "";
  for (const auto& [name, value] : json.items()) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    if (lower == "content-type" && value.is_string()) return value.get<std::string>();
  }
  return "";
}

class RemoteClient final : public WorkerClient {
 public:
  RemoteClient(const OrthancHost& host, std::string url, std::string token)
      : host_(host), url_(std::move(url)), token_(std::move(token)) {
    while (url_.ends_with('/')) url_.pop_back();
  }

  Result<WorkerAnswer> call(const WorkerRequest& request) override {
    return capture([&] {
      if (aborted_) fail(ErrorCode::kCancelled, "the plugin is stopping");
      std::map<std::string, std::string> headers;
      if (!token_.empty()) headers["Authorization"] = "Bearer " + token_;
      if (!request.body.empty()) headers["Content-Type"] = request.content_type;
      if (!request.accept.empty()) headers["Accept"] = request.accept;
      return send(request, headers);
    });
  }

  void abort() override { aborted_ = true; }

 private:
  WorkerAnswer send(const WorkerRequest& request, const std::map<std::string, std::string>& headers) {
    std::vector<const char*> names, values;
    for (const auto& [name, value] : headers) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    OrthancBuffer body(host_.context()), answer_headers(host_.context());
    std::uint16_t status = 0;
    const auto seconds = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(request.time_limit).count());
    const OrthancPluginErrorCode failed = OrthancPluginHttpClient(
        host_.context(), body.target(), answer_headers.target(), &status, method_of(request.method),
        (url_ + request.target).c_str(), std::uint32_t(names.size()), names.data(), values.data(), request.body.data(),
        std::uint32_t(request.body.size()), nullptr, nullptr, std::uint32_t(seconds), nullptr, nullptr, nullptr, 0);
    if (status == 0)
      fail(ErrorCode::kUnavailable,
           "no connection to the worker at " + url_ + " (Orthanc's error " + std::to_string(int(failed)) + ")");
    return {status, content_type_in(answer_headers.text()), std::string(body.text())};
  }

  const OrthancHost host_;
  std::string url_;
  const std::string token_;
  std::atomic<bool> aborted_ = false;
};

}  // namespace

std::unique_ptr<WorkerClient> make_remote_client(const OrthancHost& host, const std::string& url,
                                                 const std::string& token) {
  return std::make_unique<RemoteClient>(host, url, token);
}

}  // namespace chexworld::plugin
