// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/http.h"
#include "service/metrics.h"
#include "service/request_pool.h"
#include "service/router.h"
#include "worker/worker.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

struct WorkerServiceOptions {
  HttpServerOptions http = {};  ///< listen, token, limits; body policy and spool folder are set from what follows
  std::filesystem::path
      spool;  ///< folder of uploads that are arriving, on the file system of the models; emptied at start
  std::uint64_t max_object_bytes = 512ull << 20;  ///< of one DICOM object or picture
  int request_threads = 4;                        ///< that talk to store and indexes
};

/// The worker behind HTTP. Thread safe.
class WorkerService {
 public:
  /// Listens from here on. The worker must outlive it.
  WorkerService(Worker& worker, const WorkerServiceOptions& options);
  ~WorkerService();

  std::string address() const { return server_->address(); }
  std::vector<std::string> routes() const { return router_.routes(); }
  std::vector<std::string> metric_names() const { return metrics_.names(); }

  /// Refuses new objects (503), answers everything that was accepted, then closes. False when a connection had to be
  /// cut off after `patience`.
  bool drain(std::chrono::milliseconds patience);

 private:
  void dispatch(HttpRequest request, HttpReply reply);

  Worker& worker_;
  Metrics metrics_;
  Router router_;
  std::optional<RequestPool> requests_;
  std::optional<RequestPool> model_changes_;  // seconds long, one at a time
  std::optional<HttpServer> server_;
};

}  // namespace chexworld
