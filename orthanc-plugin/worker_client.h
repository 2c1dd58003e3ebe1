// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the plugin talks to the worker.
#pragma once

#include "base/config.h"

#include <chexworld/result.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace chexworld::plugin {

struct WorkerRequest {
  std::string method = "GET";
  std::string target;          ///< path and query, encoded: "/v1/failures?limit=10"
  std::string_view body = {};  ///< must stay valid during the call
  std::string content_type = "application/json";
  std::string accept = {};
  std::chrono::milliseconds time_limit{60'000};
};

struct WorkerAnswer {
  int status = 0;
  std::string content_type;
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
};

/// Thread safe. An answer of any status is an answer; kUnavailable (nobody listens, connection lost), kTimeout and
/// kCancelled are errors.
class WorkerClient {
 public:
  virtual ~WorkerClient() = default;
  virtual Result<WorkerAnswer> call(const WorkerRequest& request) = 0;
  /// Calls end with kCancelled from now on, those under way soon.
  virtual void abort() = 0;
};

/// JSON body and answer; an answer that is no success is thrown as Failure with the worker's own sentence.
Json call_json(WorkerClient& client, const std::string& method, const std::string& target, const Json& body = {});

/// The error that an answer other than success stands for.
Error error_of(const WorkerAnswer& answer);

/// Text as part of a path or of a query value.
std::string url_encoded(std::string_view text);

/// Over the Unix socket of a worker on this machine, connections kept.
std::unique_ptr<WorkerClient> make_socket_client(const std::string& socket_path);

}  // namespace chexworld::plugin
