// SPDX-License-Identifier: Apache-2.0
//
// The records of a zip file (PKWARE APPNOTE.TXT 6.3.10, section 4.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace chexworld {

/// Where the central directory is (sections 4.3.14 to 4.3.16), the two or three records that say so compared.
struct ZipDirectoryPlace {
  std::uint64_t members = 0;
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
};
ZipDirectoryPlace find_zip_directory(std::span<const std::byte> file);

/// What a local or central header says about its member (sections 4.3.7 and 4.3.12), zip64 extra fields applied.
struct ZipHeader {
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t plain_bytes = 0;
  std::uint64_t offset = 0;  ///< of the local header; central headers only
  std::string_view name;

  bool has_descriptor() const { return (flags & 0x8) != 0; }
};

class ByteReader;
ZipHeader read_zip_central_header(ByteReader& reader);
ZipHeader read_zip_local_header(ByteReader& reader);

/// Reads the data descriptor that follows a member (section 4.3.9), which must say what `header` says.
void check_zip_descriptor(ByteReader& reader, const ZipHeader& header);

}  // namespace chexworld
