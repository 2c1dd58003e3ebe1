// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/failure.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace chexworld {

/// Walks over bytes it does not own and never past their end; little-endian. Not thread safe.
class ByteReader {
 public:
  /// `what` stands in messages, e.g. "the zip".
  ByteReader(std::span<const std::byte> bytes, const char* what) : bytes_(bytes), what_(what) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  /// Throws Failure(kMalformed) when fewer than `count` bytes are left.
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > remaining())
      fail(ErrorCode::kMalformed, std::string(what_) + " is cut off or lies about a length: " + std::to_string(count) +
                                      " bytes wanted at byte " + std::to_string(position_) + ", " +
                                      std::to_string(remaining()) + " there");
    const auto part = bytes_.subspan(position_, std::size_t(count));
    position_ += part.size();
    return part;
  }

  template <std::integral Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  std::string_view text(std::uint64_t count) {
    const auto part = take(count);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

  /// Up to the next line feed, which is taken but not returned.
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_, remaining());
    const std::size_t length = rest.find('\n');
    if (length == std::string_view::npos)
      fail(ErrorCode::kMalformed, std::string(what_) + " is cut off within a line of text");
    const std::string_view found = text(length);
    take(1);
    return found;
  }

 private:
  std::span<const std::byte> bytes_;
  const char* what_;
  std::size_t position_ = 0;
};

}  // namespace chexworld
