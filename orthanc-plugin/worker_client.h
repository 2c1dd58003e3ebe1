// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the plugin talks to the worker.
#pragma once

#include "base/config.h"

#include <chexworld/result.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
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
  std::map<std::string, std::string> headers = {};  ///< those that passes_on() names, in lower case

  bool ok() const { return status >= 200 && status < 300; }
};

/// Whether a header of the worker's answer is meant for whoever asked us: X-Chexworld-..., Retry-After. `name` in lower
/// case.
bool passes_on(std::string_view name);

/// A request whose body goes to the worker as it comes, and is never held as a whole. Used by one thread at a time;
/// destroyed before finish(), the request is given up.
class WorkerUpload {
 public:
  virtual ~WorkerUpload() = default;
  /// Returns once the piece has been taken; it may be dropped then. What goes wrong is told by finish().
  virtual void append(std::string_view piece) = 0;
  /// The worker's answer; throws Failure as WorkerClient::call does.
  virtual WorkerAnswer finish() = 0;
};

/// Thread safe. An answer of any status is an answer; kUnavailable (nobody listens, connection lost), kTimeout and
/// kCancelled are errors.
class WorkerClient {
 public:
  virtual ~WorkerClient() = default;
  virtual Result<WorkerAnswer> call(const WorkerRequest& request) = 0;
  /// Begins a request with a body of unknown length; its own `body` does not count, its time limit is that of each step
  /// and of the answer. The client must outlive it. Throws Failure where there is no worker.
  virtual std::unique_ptr<WorkerUpload> upload(const WorkerRequest& request) = 0;
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
