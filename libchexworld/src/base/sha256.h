// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4): model ids, content hashes, keyed patient pseudonyms.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace chexworld {

using Sha256Digest = std::array<std::byte, 32>;

/// Hash of a stream of bytes. Not thread safe; distinct objects are independent.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  /// Ends the stream; call once.
  Sha256Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256Digest sha256(std::span<const std::byte> bytes);
Sha256Digest sha256(std::string_view text);

/// HMAC-SHA-256 (RFC 2104).
Sha256Digest hmac_sha256(std::string_view key, std::string_view message);

/// 64 lower-case hexadecimal digits.
std::string to_hex(const Sha256Digest& digest);

/// The implementation that needs no library; Sha256 uses OpenSSL's where that was found.
Sha256Digest sha256_portable(std::span<const std::byte> bytes);

}  // namespace chexworld
