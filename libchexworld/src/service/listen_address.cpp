// SPDX-License-Identifier: Apache-2.0
#include "service/listen_address.h"

#include "base/failure.h"
#include "base/file.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <sys/socket.h>
#include <sys/stat.h>

namespace chexworld {
namespace asio = boost::asio;
namespace {

[[noreturn]] void reject(const std::string& text) {
  fail(ErrorCode::kInvalidArgument,
       "'" + text + "' is no address to listen on (unix:/run/x.sock, 127.0.0.1:8080 or [::1]:8080)");
}

ListenAddress unix_address(const std::string& path, const std::string& text) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    fail(ErrorCode::kInvalidArgument, "'" + text + "': the path of a Unix socket has 1 to 107 characters");
  return {asio::local::stream_protocol::endpoint(path), path, true};
}

bool somebody_serves(const ListenAddress::Protocol::endpoint& endpoint) {
  const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(probe.get(), endpoint.data(), socklen_t(endpoint.size())) == 0;
}

}  // namespace

ListenAddress parse_listen_address(const std::string& text) {
  if (text.starts_with("unix:")) return unix_address(text.substr(5), text);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) reject(text);
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) reject(text);
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) reject(text);
  return {asio::ip::tcp::endpoint(ip, port), "", ip.is_loopback()};
}

void ListenAddress::prepare() const {
  if (!is_unix() || !std::filesystem::is_socket(socket_file_)) return;
  if (somebody_serves(endpoint_)) fail(ErrorCode::kConflict, "another process serves it already");
  std::filesystem::remove(socket_file_);
}

void ListenAddress::bind(int descriptor) const {
  // Linux gives the socket file the mode of the socket, so there is no moment in which others could connect.
  if (is_unix() && fchmod(descriptor, 0600) != 0) fail_errno("restricting the socket", errno);
  if (::bind(descriptor, endpoint_.data(), socklen_t(endpoint_.size())) == 0) return;
  const int error_number = errno;
  if (error_number == EADDRINUSE)
    fail(ErrorCode::kConflict, "the address is in use; stop the other program or choose another one");
  fail_errno("binding", error_number);
}

std::string ListenAddress::bound_name(int descriptor) const {
  if (is_unix()) return "unix:" + socket_file_;
  asio::ip::tcp::endpoint bound;
  auto size = socklen_t(bound.capacity());
  if (getsockname(descriptor, bound.data(), &size) != 0) fail_errno("asking for the bound address", errno);
  bound.resize(size);
  const std::string ip = bound.address().to_string();
  return (bound.address().is_v6() ? "[" + ip + "]" : ip) + ":" + std::to_string(bound.port());
}

}  // namespace chexworld
