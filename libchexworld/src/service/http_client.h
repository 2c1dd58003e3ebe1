// SPDX-License-Identifier: Apache-2.0
//
// Requests to another server of the hospital: Orthanc's REST API, a worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace chexworld {

struct ServerAddress {
  std::string host;         ///< name or address; empty for a Unix socket
  std::string port = "80";  ///< number
  std::string unix_socket;  ///< path
  std::string base;         ///< path in front of every target, without the last '/'
};

/// "http://host:8042/base" or "unix:/run/chexworld.sock". Throws Failure(kInvalidArgument) for anything else; names and
/// passwords have no place in it.
ServerAddress parse_server_url(const std::string& url);

/// How the client proves who it is. Never shown in messages.
struct HttpCredentials {
  std::string user, password;  ///< Basic, where `user` is not empty
  std::string token;           ///< Bearer, where not empty

  /// First line of a file: "user:password", or a token where it holds no colon. Throws Failure naming the file.
  static HttpCredentials from_file(const std::filesystem::path& path);
};

struct HttpAnswer {
  int status = 0;
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
};

struct HttpClientOptions {
  std::chrono::seconds timeout{60};  ///< of connecting, and of every pause in sending or receiving
  std::uint64_t max_body_bytes = 1ull << 30;
};

/// One connection per request. Stateless, so safe from any thread.
class HttpClient {
 public:
  using Options = HttpClientOptions;

  explicit HttpClient(ServerAddress server, HttpCredentials credentials = {}, const Options& options = {});

  /// `target` begins with '/' and is percent-encoded. Whatever the server answers is an answer; throws
  /// Failure(kInputOutput) where none came, kTimeout, kTooLarge. Messages name server and path.
  HttpAnswer get(const std::string& target) const;
  HttpAnswer post(const std::string& target, std::string body, const std::string& content_type) const;
  HttpAnswer put(const std::string& target, std::string body, const std::string& content_type) const;
  HttpAnswer remove(const std::string& target) const;
  /// Streams a file.
  HttpAnswer post_file(const std::string& target, const std::filesystem::path& file,
                       const std::string& content_type) const;

 private:
  HttpAnswer send(const char* method, const std::string& target, std::string body,
                  const std::string& content_type) const;

  ServerAddress server_;
  HttpCredentials credentials_;
  Options options_;
};

/// For one segment of a path or a value of a query.
std::string percent_encoded(const std::string& text);

}  // namespace chexworld
