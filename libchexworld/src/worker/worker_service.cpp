// SPDX-License-Identifier: Apache-2.0
#include "worker/worker_service.h"

#include "base/failure.h"
#include "worker/routes.h"

namespace chexworld {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostWaitingRequests = 512;
constexpr std::size_t kMostWaitingChanges = 8;

/// Uploads that a killed process was receiving.
void empty_folder(const fs::path& folder) {
  fs::create_directories(folder);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("body-")) fs::remove(entry.path());
  }
}

bool changes_models(const HttpRequest& request) {
  return request.method != "GET" && request.path.starts_with("/v1/models");
}

}  // namespace

WorkerService::WorkerService(Worker& worker, const WorkerServiceOptions& options) : worker_(worker) {
  requests_.emplace(options.request_threads, kMostWaitingRequests);
  model_changes_.emplace(1, kMostWaitingChanges);
  declare_metrics(metrics_, worker_);
  add_routes(router_, worker_, metrics_, *requests_);
  router_.observe([this](const std::string& route, int status, std::chrono::duration<double> duration) {
    metrics_.count("chexworld_requests_total", {{"route", route}, {"status", std::to_string(status)}});
    metrics_.observe("chexworld_request_seconds", duration.count(), {{"route", route}});
  });
  HttpServerOptions http = options.http;
  http.spool_folder = options.spool;
  http.body_policy = [most = options.max_object_bytes](const std::string& method, const std::string& path) {
    return body_policy(method, path, most);
  };
  within("the folder of uploads", [&] { empty_folder(options.spool); });
  server_.emplace(http,
                  [this](HttpRequest request, HttpReply reply) { dispatch(std::move(request), std::move(reply)); });
}

WorkerService::~WorkerService() { drain(std::chrono::milliseconds(0)); }

void WorkerService::dispatch(HttpRequest request, HttpReply reply) {
  RequestPool& pool = changes_models(request) ? *model_changes_ : *requests_;
  const auto shared = std::make_shared<HttpRequest>(std::move(request));
  if (!pool.try_post([this, shared, reply] { router_.handle(std::move(*shared), reply); }))
    reply(error_response({ErrorCode::kUnavailable, "too many requests are waiting: try again shortly"}));
}

bool WorkerService::drain(std::chrono::milliseconds patience) {
  worker_.drain();
  return server_->drain(patience);
}

}  // namespace chexworld
