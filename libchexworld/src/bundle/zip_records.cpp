// SPDX-License-Identifier: Apache-2.0
#include "bundle/zip_records.h"

#include "base/failure.h"
#include "bundle/byte_reader.h"
#include "bundle/printable.h"

namespace chexworld {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kDescriptorSignature = 0x08074b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::uint16_t kSaturated16 = 0xffff;
constexpr std::uint32_t kSaturated32 = 0xffffffff;  // "see the zip64 record"
constexpr std::uint16_t kZip64Extra = 0x0001;

void expect_signature(ByteReader& reader, std::uint32_t signature, const char* what) {
  const std::size_t position = reader.position();
  if (reader.remaining() < 4 || reader.number<std::uint32_t>() != signature)
    fail(ErrorCode::kMalformed, std::string("the zip has no ") + what + " at byte " + std::to_string(position));
}

struct EndRecord {
  std::uint16_t members;
  std::uint32_t bytes;
  std::uint32_t begin;
};

EndRecord read_end(std::span<const std::byte> file) {
  if (file.size() < kEndBytes) fail(ErrorCode::kMalformed, "the zip is cut off: it has no end record");
  ByteReader reader(file.last(kEndBytes), "the zip");
  if (reader.number<std::uint32_t>() != kEndSignature)
    fail(ErrorCode::kMalformed,
         "the zip does not end with its end record: it is cut off (copy it again), or has a comment or something "
         "appended, which torch.save does not write");
  const auto disk = reader.number<std::uint16_t>();
  const auto directory_disk = reader.number<std::uint16_t>();
  const auto members_here = reader.number<std::uint16_t>();
  const EndRecord end{reader.number<std::uint16_t>(), reader.number<std::uint32_t>(), reader.number<std::uint32_t>()};
  if (disk != 0 || directory_disk != 0 || members_here != end.members)
    fail(ErrorCode::kUnsupported, "the zip is one of several volumes");
  if (reader.number<std::uint16_t>() != 0) fail(ErrorCode::kMalformed, "the zip's comment is cut off");
  return end;
}

/// The zip64 record that a locator in front of the end record points to.
ZipDirectoryPlace read_end64(std::span<const std::byte> file) {
  const std::size_t locator_begin = file.size() - kEndBytes - kLocator64Bytes;
  ByteReader locator(file.subspan(locator_begin + 4), "the zip");
  const auto disk = locator.number<std::uint32_t>();
  const auto record_begin = locator.number<std::uint64_t>();
  const auto disks = locator.number<std::uint32_t>();
  if (disk != 0 || disks > 1) fail(ErrorCode::kUnsupported, "the zip is one of several volumes");
  if (locator_begin < kEnd64Bytes || record_begin != locator_begin - kEnd64Bytes)
    fail(ErrorCode::kMalformed, "the zip64 locator does not point to the record in front of it");
  ByteReader reader(file.subspan(std::size_t(record_begin), kEnd64Bytes), "the zip");
  expect_signature(reader, kEnd64Signature, "zip64 end record");
  if (reader.number<std::uint64_t>() != kEnd64Bytes - 12)
    fail(ErrorCode::kMalformed, "the zip64 end record lies about its size");
  reader.take(4);  // versions
  const auto this_disk = reader.number<std::uint32_t>();
  const auto directory_disk = reader.number<std::uint32_t>();
  const auto members_here = reader.number<std::uint64_t>();
  ZipDirectoryPlace place;
  place.members = reader.number<std::uint64_t>();
  place.bytes = reader.number<std::uint64_t>();
  place.begin = reader.number<std::uint64_t>();
  if (this_disk != 0 || directory_disk != 0 || members_here != place.members)
    fail(ErrorCode::kUnsupported, "the zip is one of several volumes");
  return place;
}

bool has_locator64(std::span<const std::byte> file) {
  if (file.size() < kEndBytes + kLocator64Bytes) return false;
  ByteReader reader(file.last(kEndBytes + kLocator64Bytes), "the zip");
  return reader.number<std::uint32_t>() == kLocator64Signature;
}

template <class Narrow>
bool agrees(Narrow narrow, std::uint64_t wide, Narrow saturated) {
  return narrow == saturated || narrow == wide;
}

/// Applies the zip64 extra field, which must hold exactly the saturated numbers, in this order.
void apply_zip64(std::string_view extra, ZipHeader& header, bool sizes_saturated, bool stored_saturated,
                 bool offset_saturated) {
  ByteReader reader(std::as_bytes(std::span(extra)), "the zip");
  bool found = false;
  while (reader.remaining() >= 4) {
    const auto id = reader.number<std::uint16_t>();
    const auto content = reader.take(reader.number<std::uint16_t>());
    if (id != kZip64Extra) continue;
    if (found) fail(ErrorCode::kMalformed, "zip member " + printable(header.name) + " has two zip64 fields");
    found = true;
    const std::size_t wanted = 8 * std::size_t(sizes_saturated + stored_saturated + offset_saturated);
    if (content.size() != wanted)
      fail(ErrorCode::kMalformed,
           "zip member " + printable(header.name) + " has a zip64 field that does not fit its header");
    ByteReader numbers(content, "the zip");
    if (sizes_saturated) header.plain_bytes = numbers.number<std::uint64_t>();
    if (stored_saturated) header.stored_bytes = numbers.number<std::uint64_t>();
    if (offset_saturated) header.offset = numbers.number<std::uint64_t>();
  }
  if (!found && (sizes_saturated || stored_saturated || offset_saturated))
    fail(ErrorCode::kMalformed, "zip member " + printable(header.name) + " refers to a zip64 field that it has not");
}

}  // namespace

ZipDirectoryPlace find_zip_directory(std::span<const std::byte> file) {
  const EndRecord end = read_end(file);
  ZipDirectoryPlace place{end.members, end.begin, end.bytes};
  std::size_t directory_end = file.size() - kEndBytes;
  if (has_locator64(file)) {
    place = read_end64(file);
    if (!agrees(end.members, place.members, kSaturated16) || !agrees(end.bytes, place.bytes, kSaturated32) ||
        !agrees(end.begin, place.begin, kSaturated32))
      fail(ErrorCode::kMalformed, "the zip's two end records contradict each other");
    directory_end -= kLocator64Bytes + kEnd64Bytes;
  }
  if (place.begin > directory_end || place.bytes != directory_end - place.begin)
    fail(ErrorCode::kMalformed, "the zip's central directory is not where its end record says");
  return place;
}

namespace {

/// What both headers say in the same order, from the flags to the sizes (APPNOTE 4.3.7, 4.3.12).
void read_common_fields(ByteReader& reader, ZipHeader& header) {
  header.flags = reader.number<std::uint16_t>();
  header.method = reader.number<std::uint16_t>();
  reader.take(4);  // time and date
  header.crc = reader.number<std::uint32_t>();
  header.stored_bytes = reader.number<std::uint32_t>();
  header.plain_bytes = reader.number<std::uint32_t>();
}

}  // namespace

ZipHeader read_zip_central_header(ByteReader& reader) {
  expect_signature(reader, kCentralSignature, "central header");
  ZipHeader header;
  reader.take(4);  // versions
  read_common_fields(reader, header);
  const auto name_bytes = reader.number<std::uint16_t>();
  const auto extra_bytes = reader.number<std::uint16_t>();
  const auto comment_bytes = reader.number<std::uint16_t>();
  const auto disk = reader.number<std::uint16_t>();
  reader.take(6);  // attributes
  header.offset = reader.number<std::uint32_t>();
  header.name = reader.text(name_bytes);
  const std::string_view extra = reader.text(extra_bytes);
  if (comment_bytes != 0) fail(ErrorCode::kUnsupported, "zip member " + printable(header.name) + " has a comment");
  if (disk != 0) fail(ErrorCode::kUnsupported, "zip member " + printable(header.name) + " is on another volume");
  apply_zip64(extra, header, header.plain_bytes == kSaturated32, header.stored_bytes == kSaturated32,
              header.offset == kSaturated32);
  return header;
}

ZipHeader read_zip_local_header(ByteReader& reader) {
  expect_signature(reader, kLocalSignature, "local header");
  ZipHeader header;
  reader.take(2);  // version
  read_common_fields(reader, header);
  const auto name_bytes = reader.number<std::uint16_t>();
  const auto extra_bytes = reader.number<std::uint16_t>();
  header.name = reader.text(name_bytes);
  const std::string_view extra = reader.text(extra_bytes);
  if (!header.has_descriptor())  // with one, the numbers and any zip64 field here stand for nothing
    apply_zip64(extra, header, header.plain_bytes == kSaturated32, header.stored_bytes == kSaturated32, false);
  return header;
}

void check_zip_descriptor(ByteReader& reader, const ZipHeader& header) {
  expect_signature(reader, kDescriptorSignature, "data descriptor");
  const auto crc = reader.number<std::uint32_t>();
  // Eight-byte sizes follow where the writer used zip64 for this member; the next record begins with "PK" then.
  ByteReader ahead = reader;
  const bool wide = ahead.remaining() >= 16 && ahead.number<std::uint64_t>() == header.stored_bytes &&
                    ahead.number<std::uint64_t>() == header.plain_bytes;
  const std::uint64_t stored = wide ? reader.number<std::uint64_t>() : reader.number<std::uint32_t>();
  const std::uint64_t plain = wide ? reader.number<std::uint64_t>() : reader.number<std::uint32_t>();
  if (crc != header.crc || stored != header.stored_bytes || plain != header.plain_bytes)
    fail(ErrorCode::kMalformed,
         "zip member " + printable(header.name) + ": its data descriptor contradicts its headers");
}

}  // namespace chexworld
