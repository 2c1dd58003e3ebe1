// SPDX-License-Identifier: GPL-3.0-or-later
//
// A worker elsewhere, through Orthanc's own HTTP client: its proxies, certificates and TLS settings apply.
#include "orthanc-plugin/remote_client.h"
#include "base/failure.h"
#include "orthanc-plugin/orthanc_buffer.h"
#include "orthanc-plugin/remote_upload.h"

#include <algorithm>
#include <map>
#include <vector>

namespace chexworld::plugin {
namespace {

/// Content type and headers of an answer, from Orthanc's JSON of its headers.
void read_headers(std::string_view text, WorkerAnswer& answer) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return;
  for (const auto& [name, value] : json.items())
    if (value.is_string()) take_header(name, value.get<std::string>(), answer);
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
      std::map<std::string, std::string> headers = authorization();
      if (!request.body.empty()) headers["Content-Type"] = request.content_type;
      if (!request.accept.empty()) headers["Accept"] = request.accept;
      return send(request, headers);
    });
  }

  std::unique_ptr<WorkerUpload> upload(const WorkerRequest& request) override {
    if (aborted_) fail(ErrorCode::kCancelled, "the plugin is stopping");
    std::map<std::string, std::string> headers = authorization();
    headers["Content-Type"] = request.content_type;
    return make_remote_upload(host_, request.method, url_ + request.target, std::move(headers), aborted_);
  }

  void abort() override { aborted_ = true; }

 private:
  std::map<std::string, std::string> authorization() const {
    if (token_.empty()) return {};
    return {{"Authorization", "Bearer " + token_}};
  }

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
    WorkerAnswer answer{status, "", std::string(body.text())};
    read_headers(answer_headers.text(), answer);
    return answer;
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
