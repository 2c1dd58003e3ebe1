// SPDX-License-Identifier: Apache-2.0
#include "support/http_client.h"

#include <arpa/inet.h>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace chexworld::test {
namespace {

FileDescriptor connected(const sockaddr* address, socklen_t size) {
  FileDescriptor made(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{120, 0};
  setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return ::connect(made.get(), address, size) == 0 ? std::move(made) : FileDescriptor();
}

FileDescriptor connected(const std::string& text) {
  if (text.starts_with("unix:")) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, text.c_str() + 5, sizeof address.sun_path - 1);
    return connected(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::size_t colon = text.rfind(':');
  inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr);
  address.sin_port = htons(std::uint16_t(std::stoi(text.substr(colon + 1))));
  return connected(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::map<std::string, std::string> headers_from(const std::string& head) {
  std::map<std::string, std::string> headers;
  for (std::size_t at = head.find("\r\n"); at != std::string::npos;) {
    const std::size_t next = head.find("\r\n", at + 2);
    const std::string line = head.substr(at + 2, next == std::string::npos ? next : next - at - 2);
    if (const std::size_t colon = line.find(": "); colon != std::string::npos) {
      std::string name = line.substr(0, colon);
      for (char& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
      headers[name] = line.substr(colon + 2);
    }
    at = next;
  }
  return headers;
}

}  // namespace

bool HttpClient::connect() {
  if (socket_.get() >= 0) return true;
  buffer_.clear();
  socket_ = connected(address_);
  return socket_.get() >= 0;
}

bool HttpClient::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(std::size_t(count));
  }
  return true;
}

bool HttpClient::receive_more() {
  char block[1 << 16];
  const ssize_t count = recv(socket_.get(), block, sizeof block, 0);
  if (count <= 0) return false;
  buffer_.append(block, std::size_t(count));
  return true;
}

std::optional<ClientAnswer> HttpClient::receive() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_more()) return std::nullopt;
  }
  ClientAnswer answer;
  const std::string head = buffer_.substr(0, end);
  answer.status = std::stoi(head.substr(9, 3));
  answer.headers = headers_from(head);
  const std::size_t size = answer.headers.contains("content-length") ? std::stoul(answer.headers["content-length"]) : 0;
  while (buffer_.size() < end + 4 + size) {
    if (!receive_more()) return std::nullopt;
  }
  answer.body = buffer_.substr(end + 4, size);
  buffer_.erase(0, end + 4 + size);
  return answer;
}

ClientAnswer HttpClient::ask(const std::string& method, const std::string& target, std::string_view body,
                             const Headers& headers) {
  const bool fresh = socket_.get() < 0;
  if (!connect()) return {};
  std::string head = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  if (!token_.empty()) head += "Authorization: Bearer " + token_ + "\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  const bool sent = send_all(head + "\r\n") && send_all(body);
  std::optional<ClientAnswer> answer = receive();  // also after a failed send: the server may have refused early
  const bool closing = !answer || answer->headers["connection"] == "close";
  if (closing) socket_ = FileDescriptor();
  // A connection that was kept too long ends without a word; only a request that never arrived may be repeated.
  if (!answer && !fresh && !sent) return ask(method, target, body, headers);
  return answer.value_or(ClientAnswer{});
}

}  // namespace chexworld::test
