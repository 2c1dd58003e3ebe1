// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/http.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace chexworld {

/// The names in a route's braces and what stood there.
using PathParameters = std::map<std::string, std::string>;

/// Finds who answers a request. Filled before the server starts, then only read: thread safe.
class Router {
 public:
  using Handler = std::function<void(const HttpRequest&, const PathParameters&, HttpReply)>;
  /// For answers that need no waiting; what it throws becomes an error response.
  using DirectHandler = std::function<HttpResponse(const HttpRequest&, const PathParameters&)>;

  /// `pattern` as in "/v1/models/{id}"; a brace matches one non-empty path segment.
  void add(const std::string& method, const std::string& pattern, Handler handler);
  void add_direct(const std::string& method, const std::string& pattern, DirectHandler handler);

  /// Told of every answer: "GET /v1/models/{id}" ("unknown" for those of no route), its status and how long it took.
  /// Must be thread safe and not throw. Set before the first request.
  using Observer = std::function<void(const std::string& route, int status, std::chrono::duration<double> duration)>;
  void observe(Observer observer) { observer_ = std::move(observer); }

  /// Answers 404 for an unknown path and 405 with Allow for a known path with another method.
  void handle(HttpRequest request, HttpReply reply) const;

  /// "GET /v1/status", ... in the order of adding, so that a test can hold them against the documentation.
  std::vector<std::string> routes() const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Handler handler;
  };
  HttpReply observed(const std::string& route, HttpReply reply) const;

  std::vector<Route> routes_;
  Observer observer_;
};

}  // namespace chexworld
