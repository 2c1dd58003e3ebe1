// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <string>

namespace chexworld {

/// "unix:PATH" or "IP:PORT" ("127.0.0.1:8080", "[::1]:8080").
class ListenAddress {
 public:
  using Protocol = boost::asio::generic::stream_protocol;

  ListenAddress(Protocol::endpoint endpoint, std::string socket_file, bool is_private)
      : endpoint_(std::move(endpoint)), socket_file_(std::move(socket_file)), private_(is_private) {}

  Protocol protocol() const { return endpoint_.protocol(); }
  bool is_unix() const { return !socket_file_.empty(); }
  /// Reachable only from this machine.
  bool is_private() const { return private_; }
  const std::string& socket_file() const { return socket_file_; }

  /// Removes a socket file that nobody serves any more; throws Failure(kConflict) when somebody does.
  void prepare() const;
  /// Binds; a Unix socket gets mode 0600 before anybody can connect. Throws Failure.
  void bind(int descriptor) const;
  /// The address as bound, with the port that was taken.
  std::string bound_name(int descriptor) const;

 private:
  Protocol::endpoint endpoint_;
  std::string socket_file_;
  bool private_;
};

/// Throws Failure(kInvalidArgument) saying what an address looks like.
ListenAddress parse_listen_address(const std::string& text);

}  // namespace chexworld
