// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/remote_client.h"

#include "base/failure.h"
#include "orthanc-plugin/orthanc_http.h"
#include "orthanc-plugin/remote_upload.h"

#include <algorithm>

namespace chexworld::plugin {
namespace {

constexpr std::uint32_t kUploadLimitSeconds = 6 * 3600;

class RemoteClient final : public WorkerClient {
 public:
  RemoteClient(const OrthancHost& host, std::string url, std::string token)
      : host_(host), url_(std::move(url)), token_(std::move(token)) {
    while (url_.ends_with('/')) url_.pop_back();
  }

  Result<WorkerAnswer> call(const WorkerRequest& request) override {
    return capture([&] {
      HttpRequest asked = prepared(request);
      if (!request.body.empty()) asked.headers["Content-Type"] = request.content_type;
      if (!request.accept.empty()) asked.headers["Accept"] = request.accept;
      const auto limit = std::chrono::ceil<std::chrono::seconds>(request.time_limit);
      asked.time_limit_s = std::uint32_t(std::max<std::int64_t>(1, limit.count()));
      WholeBody body(request.body);
      return ask(host_, asked, body);
    });
  }

  std::unique_ptr<WorkerUpload> upload(const WorkerRequest& request) override {
    HttpRequest asked = prepared(request);
    asked.headers["Content-Type"] = request.content_type;
    asked.time_limit_s = kUploadLimitSeconds;
    return make_remote_upload(host_, std::move(asked), aborted_);
  }

  void abort() override { aborted_ = true; }

 private:
  /// Method, address and authorization.
  HttpRequest prepared(const WorkerRequest& request) const {
    if (aborted_) fail(ErrorCode::kCancelled, "the plugin is stopping");
    HttpRequest asked{.method = request.method, .url = url_ + request.target, .headers = {}};
    if (!token_.empty()) asked.headers["Authorization"] = "Bearer " + token_;
    return asked;
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
