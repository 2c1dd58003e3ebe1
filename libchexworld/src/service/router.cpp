// SPDX-License-Identifier: Apache-2.0
#include "service/router.h"

#include "base/failure.h"

#include <optional>
#include <utility>

namespace chexworld {
namespace {

std::vector<std::string> segments_of(const std::string& path) {
  std::vector<std::string> segments;
  std::size_t start = 1;
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    segments.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return segments;
}

bool is_parameter(const std::string& segment) { return segment.size() > 2 && segment.front() == '{'; }

std::optional<PathParameters> match(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  PathParameters parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) {
      if (pattern[i] != path[i]) return std::nullopt;
    } else {
      if (path[i].empty()) return std::nullopt;
      parameters[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
    }
  }
  return parameters;
}

}  // namespace

void Router::add(const std::string& method, const std::string& pattern, Handler handler) {
  routes_.push_back({method, pattern, segments_of(pattern), std::move(handler)});
}

void Router::add_direct(const std::string& method, const std::string& pattern, DirectHandler handler) {
  add(method, pattern,
      [handler = std::move(handler)](const HttpRequest& request, const PathParameters& parameters,
                                     const HttpReply& reply) {
        const auto response = capture([&] { return handler(request, parameters); });
        reply(response.ok() ? *response : error_response(response.error()));
      });
}

HttpReply Router::observed(const std::string& route, HttpReply reply) const {
  if (!observer_) return reply;
  return [this, route, reply = std::move(reply), begin = std::chrono::steady_clock::now()](HttpResponse response) {
    observer_(route, response.status, std::chrono::steady_clock::now() - begin);
    reply(std::move(response));
  };
}

void Router::handle(HttpRequest request, HttpReply reply) const {
  const std::vector<std::string> path = segments_of(request.path);
  std::string allowed;
  for (const Route& route : routes_) {
    const auto parameters = match(route.segments, path);
    if (!parameters) continue;
    if (route.method == request.method)
      return route.handler(request, *parameters, observed(route.method + " " + route.pattern, std::move(reply)));
    allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  reply = observed("unknown", std::move(reply));
  if (allowed.empty()) return reply(error_response({ErrorCode::kNotFound, "there is nothing at " + request.path}));
  HttpResponse response =
      error_response({ErrorCode::kInvalidArgument, request.path + " takes " + allowed + ", not " + request.method});
  response.status = 405;
  response.headers["Allow"] = allowed;
  reply(std::move(response));
}

std::vector<std::string> Router::routes() const {
  std::vector<std::string> list;
  for (const Route& route : routes_) list.push_back(route.method + " " + route.pattern);
  return list;
}

}  // namespace chexworld
