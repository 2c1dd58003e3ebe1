// SPDX-License-Identifier: Apache-2.0
//
// Requests, responses and the server that carries them; what they mean is the router's business.
#pragma once

#include "base/config.h"

#include <chexworld/result.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace chexworld {

/// A request body on disk; the file goes with the object unless it was renamed away before.
class BodyFile {
 public:
  explicit BodyFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~BodyFile();
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct HttpRequest {
  std::string method;                          ///< "GET", "POST", "PUT", "DELETE", as sent
  std::string path;                            ///< decoded, without the query: "/v1/models/abc"
  std::map<std::string, std::string> query;    ///< decoded; the last of several counts
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::shared_ptr<const BodyFile> body_file = nullptr;  ///< instead of `body` where BodyPolicy::to_file says so
  bool over_unix_socket = false;                        ///< the client is a process of this machine and this user
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers;  ///< besides content type and length
};

HttpResponse json_response(const Json& json, int status = 200);
/// error_json() with the HTTP status of the error; what may be tried again says when (Retry-After, seconds).
HttpResponse error_response(const Error& error, const Json& details = {});

/// Answers a request by calling `reply` once, from any thread, now or later. Must not throw.
using HttpReply = std::function<void(HttpResponse)>;
using HttpHandler = std::function<void(HttpRequest, HttpReply)>;

/// How the body of one kind of request is taken.
struct BodyPolicy {
  std::uint64_t max_bytes = 1ull << 30;
  bool to_file = false;  ///< written to HttpServerOptions::spool_folder as it arrives, never held in memory
};

struct HttpServerOptions {
  /// "unix:/run/chexworld.sock" (created with mode 0600) or "127.0.0.1:8080"; port 0 takes a free one.
  std::string listen = "127.0.0.1:0";
  /// When not empty, every request needs "Authorization: Bearer TOKEN". Required unless listening on loopback or a
  /// Unix socket.
  std::string token;
  std::uint64_t max_body_bytes = 1ull << 30;
  /// Asked once the header is there; empty: {max_body_bytes} for all. Must be quick and thread safe.
  std::function<BodyPolicy(const std::string& method, const std::string& path)> body_policy = nullptr;
  std::filesystem::path spool_folder = {};  ///< of BodyPolicy::to_file; must exist
  /// Bodies in memory that are arriving or not answered yet, bytes, announced or else at most possible. Beyond: 503.
  std::uint64_t max_buffered_bytes = 2ull << 30;
  std::uint64_t max_header_bytes = 64u << 10;
  int max_connections = 256;
  std::chrono::milliseconds read_timeout{
      30'000};  ///< for a request to arrive whole once it has begun (to a file: between pieces)
  std::chrono::milliseconds idle_timeout{60'000};   ///< between requests of a connection
  std::chrono::milliseconds write_timeout{30'000};  ///< for an answer to be taken
  int threads = 1;                                  ///< that move bytes; handlers must not block them
};

/// An HTTP/1.1 server with keep-alive on threads of its own. Thread safe.
class HttpServer {
 public:
  /// Listens from here on; throws Failure naming the address (in use, not permitted, no token for a public one).
  HttpServer(HttpServerOptions options, HttpHandler handler);
  /// drain() with no patience.
  ~HttpServer();

  /// Where it listens: "unix:PATH" or "IP:PORT" with the port that was taken.
  std::string address() const;

  /// Stops accepting, lets requests that have begun be answered for up to `patience`, closes the rest, joins the
  /// threads. True when nothing had to be cut off. Later calls do nothing and return the first one's answer.
  bool drain(std::chrono::milliseconds patience);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace chexworld
