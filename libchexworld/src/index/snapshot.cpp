// SPDX-License-Identifier: Apache-2.0
#include "index/snapshot.h"

#include "base/checksum.h"
#include "base/failure.h"
#include "base/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>

namespace chexworld {
namespace {

constexpr std::size_t kPage = 4096;
using Page = std::array<std::byte, kPage>;

static_assert(std::is_trivially_copyable_v<SnapshotHeader> && std::is_trivially_copyable_v<SnapshotSection>);
static_assert(sizeof(SnapshotHeader) == 112 && sizeof(SnapshotSection) == 48);

constexpr std::uint64_t round_up(std::uint64_t value) { return (value + kPage - 1) / kPage * kPage; }

[[noreturn]] void malformed(const std::filesystem::path& path, const std::string& what) {
  fail(ErrorCode::kMalformed, path.string() + " " + what + ": build the index again");
}

std::uint32_t checksum_of(Page page) {
  std::memset(page.data() + offsetof(SnapshotHeader, checksum), 0, sizeof(SnapshotHeader::checksum));
  return crc32c(page);
}

std::vector<SnapshotSection> describe(const std::vector<NamedColumn>& columns) {
  std::vector<SnapshotSection> sections;
  std::uint64_t offset = kPage;
  for (const NamedColumn& column : columns) {
    SnapshotSection section;
    std::copy_n(column.name.begin(), std::min(column.name.size(), section.name.size()), section.name.begin());
    section.row_bytes = column.column->row_bytes();
    section.rows = column.rows;
    section.offset = offset;
    section.checksum = crc32c(column.column->bytes(column.rows));
    offset += round_up(section.row_bytes * section.rows);
    sections.push_back(section);
  }
  return sections;
}

Page first_page(SnapshotHeader header, const std::vector<SnapshotSection>& sections) {
  header.sections = std::uint32_t(sections.size());
  header.checksum = 0;
  Page page{};
  std::memcpy(page.data(), &header, sizeof header);
  std::memcpy(page.data() + sizeof header, sections.data(), sections.size() * sizeof sections[0]);
  header.checksum = checksum_of(page);
  std::memcpy(page.data(), &header, sizeof header);
  return page;
}

Page read_first_page(const FileDescriptor& file, const std::filesystem::path& path) {
  Page page;
  const ssize_t count = pread(file.get(), page.data(), page.size(), 0);
  if (count < 0) fail_errno("reading " + path.string(), errno);
  if (std::size_t(count) != page.size()) malformed(path, "is cut off");
  return page;
}

SnapshotHeader checked_header(const Page& page, const std::filesystem::path& path) {
  SnapshotHeader header;
  std::memcpy(&header, page.data(), sizeof header);
  if (header.magic != SnapshotHeader{}.magic) malformed(path, "is not an index");
  if (header.version != SnapshotHeader{}.version)
    fail(ErrorCode::kUnsupported, path.string() + " has version " + std::to_string(header.version) +
                                      ", this program knows " + std::to_string(SnapshotHeader{}.version) +
                                      ": build the index again");
  if (header.checksum != checksum_of(page)) malformed(path, "is damaged in its header");
  if (header.sections > (kPage - sizeof header) / sizeof(SnapshotSection)) malformed(path, "is damaged in its header");
  return header;
}

void map_section(const FileDescriptor& file, std::uint64_t file_bytes, const SnapshotSection& section,
                 const NamedColumn& wanted, const std::filesystem::path& path, bool check) {
  const std::string name(wanted.name);
  const std::string_view found(section.name.data(), strnlen(section.name.data(), section.name.size()));
  if (found != wanted.name || section.row_bytes != wanted.column->row_bytes() || section.rows != wanted.rows)
    malformed(path, "has another layout at " + name);
  if (section.rows > wanted.column->most_rows())
    fail(ErrorCode::kResourceExhausted, path.string() + " has more rows than most_rows allows: raise it");
  const std::uint64_t bytes = section.row_bytes * section.rows;  // at most what the column has reserved
  if (section.offset % kPage != 0 || section.offset > file_bytes || round_up(bytes) > file_bytes - section.offset)
    malformed(path, "is cut off at " + name);
  wanted.column->map(file.get(), section.offset, section.rows);
  if (check && crc32c(wanted.column->bytes(section.rows)) != section.checksum) malformed(path, "is damaged at " + name);
}

}  // namespace

void write_snapshot(const std::filesystem::path& path, SnapshotHeader header, const std::vector<NamedColumn>& columns) {
  const Page first = first_page(header, describe(columns));
  write_file_atomically(path, [&](FileWriter& writer) {
    writer.write(first);
    const Page zeros{};
    for (const NamedColumn& column : columns) {
      const auto bytes = column.column->bytes(column.rows);
      writer.write(bytes);
      writer.write(std::span(zeros).first(round_up(bytes.size()) - bytes.size()));
    }
  });
}

SnapshotHeader read_snapshot_header(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  return checked_header(read_first_page(file, path), path);
}

void map_snapshot(const std::filesystem::path& path, const std::vector<NamedColumn>& columns, bool check_all) {
  const FileDescriptor file = open_for_reading(path);
  const Page page = read_first_page(file, path);
  if (checked_header(page, path).sections != columns.size()) malformed(path, "has another layout");
  struct stat status{};
  if (fstat(file.get(), &status) != 0) fail_errno("reading " + path.string(), errno);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    SnapshotSection section;
    std::memcpy(&section, page.data() + sizeof(SnapshotHeader) + i * sizeof section, sizeof section);
    map_section(file, std::uint64_t(status.st_size), section, columns[i], path, check_all || columns[i].steers);
  }
}

}  // namespace chexworld
