// SPDX-License-Identifier: Apache-2.0
//
// Messages between the library and a decoder process, over a stream socket that only the two of them hold. Neither
// end trusts the other: every length is checked against a limit before memory is taken.
#pragma once

#include "base/file.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

/// One message: JSON text, grey pixels, and at most one descriptor that travels with it.
struct WireMessage {
  std::string text;
  std::vector<std::uint8_t> pixels;
  FileDescriptor descriptor;
};

struct WireLimits {
  std::size_t text_bytes = 256u << 10;
  std::size_t pixel_bytes = 0;
};

using WireDeadline = std::optional<std::chrono::steady_clock::time_point>;  ///< nullopt: wait for ever

/// Sends a message; `descriptor` below 0: none. False when the other end is gone or the deadline passed.
bool send_message(int socket, const WireMessage& message, int descriptor, const WireDeadline& deadline);

/// The next message; nothing when the other end is gone, the deadline passed, or what came is no message within the
/// limits. After that the socket is of no further use.
std::optional<WireMessage> receive_message(int socket, const WireLimits& limits, const WireDeadline& deadline);

}  // namespace chexworld
