// SPDX-License-Identifier: Apache-2.0
#include "sandbox/wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

namespace chexworld {
namespace {

constexpr std::uint32_t kMagic = 0x31445843;  // "CXD1"

struct Header {
  std::uint32_t magic = kMagic;
  std::uint32_t text_bytes = 0;
  std::uint32_t pixel_bytes = 0;
};

/// Waits until the socket can do what `events` says; false once the deadline has passed.
bool wait_for(int socket, short events, const WireDeadline& deadline) {
  for (;;) {
    int timeout = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      timeout = int(std::min<std::int64_t>(left.count(), 1'000'000));
    }
    pollfd wanted{socket, events, 0};
    const int ready = poll(&wanted, 1, timeout);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool try_again() { return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK; }

bool send_all(int socket, std::span<const std::byte> bytes, const WireDeadline& deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes = bytes.subspan(std::size_t(sent));
    } else if (!try_again() || !wait_for(socket, POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

bool receive_all(int socket, std::span<std::byte> bytes, const WireDeadline& deadline) {
  while (!bytes.empty()) {
    const ssize_t received = recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (received > 0) {
      bytes = bytes.subspan(std::size_t(received));
    } else if (received == 0 || !try_again() || !wait_for(socket, POLLIN, deadline)) {
      return false;
    }
  }
  return true;
}

/// Room for one descriptor beside a message (cmsg(3)).
struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

/// The header and the descriptor go together, in one piece: 12 bytes always fit into an empty socket buffer.
bool send_header(int socket, Header header, int descriptor, const WireDeadline& deadline) {
  iovec part{&header, sizeof header};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  if (descriptor >= 0) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  for (;;) {
    const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent == ssize_t(sizeof header);
    if (!try_again() || !wait_for(socket, POLLOUT, deadline)) return false;
  }
}

FileDescriptor descriptor_in(msghdr& message) {
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) return FileDescriptor();
  if (rights->cmsg_len != CMSG_LEN(sizeof(int))) return FileDescriptor();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
  return FileDescriptor(descriptor);
}

bool receive_header(int socket, Header& header, FileDescriptor& descriptor, const WireDeadline& deadline) {
  iovec part{&header, sizeof header};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  for (;;) {
    const ssize_t received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (received > 0) {
      descriptor = descriptor_in(message);
      return received == ssize_t(sizeof header) && header.magic == kMagic;
    }
    if (received == 0 || !try_again() || !wait_for(socket, POLLIN, deadline)) return false;
  }
}

}  // namespace

bool send_message(int socket, const WireMessage& message, int descriptor, const WireDeadline& deadline) {
  const Header header{kMagic, std::uint32_t(message.text.size()), std::uint32_t(message.pixels.size())};
  return send_header(socket, header, descriptor, deadline) &&
         send_all(socket, std::as_bytes(std::span(message.text)), deadline) &&
         send_all(socket, std::as_bytes(std::span(message.pixels)), deadline);
}

std::optional<WireMessage> receive_message(int socket, const WireLimits& limits, const WireDeadline& deadline) {
  Header header;
  WireMessage message;
  if (!receive_header(socket, header, message.descriptor, deadline)) return std::nullopt;
  if (header.text_bytes > limits.text_bytes || header.pixel_bytes > limits.pixel_bytes) return std::nullopt;
  message.text.resize(header.text_bytes);
  message.pixels.resize(header.pixel_bytes);
  const bool whole = receive_all(socket, std::as_writable_bytes(std::span(message.text)), deadline) &&
                     receive_all(socket, std::as_writable_bytes(std::span(message.pixels)), deadline);
  return whole ? std::optional(std::move(message)) : std::nullopt;
}

}  // namespace chexworld
