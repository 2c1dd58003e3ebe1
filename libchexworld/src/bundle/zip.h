// SPDX-License-Identifier: Apache-2.0
//
// Zip containers as torch.save writes them: nothing compressed, nothing hidden.
//
// Zip says most things twice (local header, central directory, data descriptor, zip64 records), and readers that
// believe different copies see different files. Here all copies must agree, and the members must tile the file.
// Refused: compression, encryption, duplicate or escaping names, comments, several disks, members that overlap or
// leave a gap. Everything except the CRC of the contents is checked on construction, the CRC on reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace chexworld {

/// A zip file in memory that somebody else owns. Immutable; safe to read from several threads.
class ZipArchive {
 public:
  /// Throws Failure: kMalformed, kUnsupported (well-formed, but not what torch.save writes), kTooLarge.
  explicit ZipArchive(std::span<const std::byte> bytes);

  /// Member names in sorted order, with their contents (not yet compared with the CRC).
  struct Member {
    std::span<const std::byte> bytes;
    std::uint32_t crc = 0;
  };
  const std::map<std::string, Member, std::less<>>& members() const { return members_; }
  bool has(std::string_view name) const { return members_.contains(name); }

  /// The contents after comparing their CRC; throws Failure (kNotFound, kMalformed) naming the member.
  std::span<const std::byte> read(std::string_view name) const;

  /// Whether the bytes begin like a zip file.
  static bool looks_like(std::span<const std::byte> bytes);

 private:
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace chexworld
