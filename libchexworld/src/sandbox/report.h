// SPDX-License-Identifier: Apache-2.0
//
// What the library and a decoder process say to each other, as messages.
#pragma once

#include "base/config.h"
#include "sandbox/decoder.h"
#include "sandbox/wire.h"

namespace chexworld {

/// The first message to a process.
struct DecoderSetup {
  DecoderOptions decoder;
  std::uint64_t memory_bytes = 0;
  std::chrono::milliseconds deadline{};
  int parent = 0;  ///< process id
};
WireMessage message_of(const DecoderSetup& setup);
/// Throws Failure for what is no such message.
DecoderSetup setup_in(const WireMessage& message);

/// The answer to it: which of the walls stand.
struct DecoderReady {
  std::string version;           ///< of the process's program
  bool filtered = false;         ///< system calls are restricted (seccomp)
  bool without_network = false;  ///< in a network namespace of its own
};
WireMessage message_of(const DecoderReady& ready);
DecoderReady ready_in(const WireMessage& message);

/// What is wanted of one object; its descriptor travels beside it.
struct DecodeRequest {
  PreparationRecipe recipe;
  int film_side = 0;  ///< pixels; 0: no film
};
WireMessage message_of(const DecodeRequest& request);
/// Throws Failure for what is no request.
DecodeRequest request_in(const WireMessage& message);
/// The most pixels that an answer may bring.
std::size_t most_pixels(const DecodeRequest& request);

/// The answer to an object.
WireMessage message_of(const Result<PreparedRadiograph>& answer);
/// Nothing of it is believed: numbers are brought into their range, texts are cut to 1024 bytes of printable
/// characters, `view` has exactly `side` x `side` pixels or none, `film` at most what was asked for. Throws Failure for
/// what is no answer.
Result<PreparedRadiograph> answer_in(WireMessage message, const DecodeRequest& request);

}  // namespace chexworld
