// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/bundle_upload.h"

#include "base/failure.h"
#include "orthanc-plugin/handlers.h"

namespace chexworld::plugin {
namespace {

constexpr std::chrono::minutes kStepLimit{5};  // the last one checks the bundle, and activates it where that is asked

}  // namespace

BundleUpload::BundleUpload(WorkerClient* client, const std::string& query) {
  WorkerRequest request;
  request.method = "POST";
  request.target = "/v1/models" + query;
  request.content_type = "application/octet-stream";
  request.time_limit = kStepLimit;
  const Result<void> begun = capture([&] {
    if (client == nullptr) fail(ErrorCode::kUnavailable, "the plugin is stopping");
    upload_ = client->upload(request);
  });
  if (!begun.ok()) failed_ = begun.error();
}

void BundleUpload::append(std::string_view piece) {
  if (failed_) return;
  const Result<void> taken = capture([&] { upload_->append(piece); });
  if (!taken.ok()) failed_ = taken.error();
}

Response BundleUpload::finish() {
  if (failed_) return error_response(*failed_);
  const Result<Response> answer = capture([&] { return response_from(upload_->finish()); });
  return answer.ok() ? *answer : error_response(answer.error());
}

}  // namespace chexworld::plugin
