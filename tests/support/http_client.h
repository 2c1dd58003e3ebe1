// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"
#include "base/file.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace chexworld::test {

struct ClientAnswer {
  int status = 0;                              ///< 0: there was none, the connection failed
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  Json json() const { return Json::parse(body, nullptr, false); }
};

/// An HTTP/1.1 client that keeps its connection; plain sockets, nothing of ours. Not thread safe.
class HttpClient {
 public:
  /// "unix:PATH" or "IP:PORT". Connects at the first request, and again after a connection has ended.
  explicit HttpClient(std::string address, std::string token = "")
      : address_(std::move(address)), token_(std::move(token)) {}

  using Headers = std::map<std::string, std::string>;
  ClientAnswer get(const std::string& target, const Headers& headers = {}) { return ask("GET", target, "", headers); }
  ClientAnswer post(const std::string& target, std::string_view body, const Headers& headers = {}) {
    return ask("POST", target, body, headers);
  }
  ClientAnswer ask(const std::string& method, const std::string& target, std::string_view body,
                   const Headers& headers = {});

 private:
  bool connect();
  std::optional<ClientAnswer> receive();
  bool receive_more();
  bool send_all(std::string_view bytes);

  std::string address_;
  std::string token_;
  FileDescriptor socket_;
  std::string buffer_;
};

}  // namespace chexworld::test
