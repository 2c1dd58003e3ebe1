// SPDX-License-Identifier: Apache-2.0
#include "bundle/zip.h"

#include "base/failure.h"
#include "bundle/byte_reader.h"
#include "bundle/crc32.h"
#include "bundle/printable.h"
#include "bundle/zip_records.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace chexworld {
namespace {

constexpr std::uint64_t kMostMembers = 1'000'000;
constexpr std::size_t kLongestNameBytes = 1024;
constexpr std::uint16_t kEncryptionFlags = 0x0001 | 0x0040 | 0x2000;

[[noreturn]] void refuse(ErrorCode code, const ZipHeader& header, const std::string& what) {
  fail(code, "zip member " + printable(header.name) + " " + what);
}

bool escapes(std::string_view name) {
  if (name.empty() || name.size() > kLongestNameBytes || name.find_first_of("\\:") != std::string_view::npos)
    return true;
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) return true;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return true;
    begin = end + 1;
  }
  return false;
}

void check_central(const ZipHeader& header) {
  if (escapes(header.name)) refuse(ErrorCode::kMalformed, header, "has a name that leads out of the archive");
  if ((header.flags & kEncryptionFlags) != 0) refuse(ErrorCode::kUnsupported, header, "is encrypted");
  if (header.method != 0)
    refuse(ErrorCode::kUnsupported, header, "is compressed, which torch.save does not do; unpack and store it");
  if (header.stored_bytes != header.plain_bytes)
    refuse(ErrorCode::kMalformed, header, "has two sizes though it is not compressed");
}

void check_local(const ZipHeader& local, const ZipHeader& central) {
  bool same = local.name == central.name && local.flags == central.flags && local.method == central.method;
  if (central.has_descriptor()) {
    // The local header was written before these were known: zeros, or (zip64) saturated, or already right.
    const auto open_or = [](std::uint64_t value, std::uint64_t known) {
      return value == 0 || value == 0xffffffffu || value == known;
    };
    same &= local.crc == 0 || local.crc == central.crc;
    same &= open_or(local.stored_bytes, central.stored_bytes) && open_or(local.plain_bytes, central.plain_bytes);
  } else {
    same &= local.crc == central.crc && local.stored_bytes == central.stored_bytes &&
            local.plain_bytes == central.plain_bytes;
  }
  if (!same) refuse(ErrorCode::kMalformed, central, "is described differently by its local header");
}

std::vector<ZipHeader> read_directory(std::span<const std::byte> file, const ZipDirectoryPlace& place) {
  if (place.members > kMostMembers) fail(ErrorCode::kTooLarge, "the zip has more than a million members");
  ByteReader reader(file.subspan(std::size_t(place.begin), std::size_t(place.bytes)), "the zip");
  std::vector<ZipHeader> headers;
  for (std::uint64_t i = 0; i < place.members; ++i) {
    headers.push_back(read_zip_central_header(reader));
    check_central(headers.back());
  }
  if (reader.remaining() != 0) fail(ErrorCode::kMalformed, "the zip's central directory is longer than its members");
  return headers;
}

}  // namespace

bool ZipArchive::looks_like(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "PK\3\4", 4) == 0;
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes) {
  const ZipDirectoryPlace place = find_zip_directory(bytes);
  std::vector<ZipHeader> headers = read_directory(bytes, place);
  std::ranges::sort(headers, {}, &ZipHeader::offset);
  ByteReader reader(bytes.first(std::size_t(place.begin)), "the zip");
  for (const ZipHeader& header : headers) {  // in file order: each member begins where the one before it ends
    if (header.offset < reader.position()) refuse(ErrorCode::kMalformed, header, "overlaps another member");
    if (header.offset > reader.position())
      refuse(ErrorCode::kMalformed, header, "begins after bytes that belong to no member");
    check_local(read_zip_local_header(reader), header);
    if (header.stored_bytes > reader.remaining()) refuse(ErrorCode::kMalformed, header, "is larger than the file");
    const Member member{reader.take(header.stored_bytes), header.crc};
    if (header.has_descriptor()) check_zip_descriptor(reader, header);
    if (!members_.emplace(header.name, member).second) refuse(ErrorCode::kMalformed, header, "is there twice");
  }
  if (reader.remaining() != 0) fail(ErrorCode::kMalformed, "the zip has bytes that belong to no member");
}

std::span<const std::byte> ZipArchive::read(std::string_view name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) fail(ErrorCode::kNotFound, "the zip has no member " + printable(name));
  if (crc32(found->second.bytes) != found->second.crc)
    fail(ErrorCode::kMalformed,
         "zip member " + printable(name) + " is damaged: its CRC-32 is another (copy the file again)");
  return found->second.bytes;
}

}  // namespace chexworld
