// SPDX-License-Identifier: Apache-2.0
//
// The file of an index, "index.chx", little-endian:
//
//   page 0          SnapshotHeader, then one SnapshotSection per column, zeros up to 4096
//   from page 1 on  the columns, each from a page boundary on, zeros up to the next
//
// The header names everything that steers a search, so that opening is mapping plus checking. It carries its own
// checksum, every section one of its own. The file is written beside and renamed, never changed in place.
#pragma once

#include "index/column.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace chexworld {

struct SnapshotHeader {
  std::array<char, 8> magic{'C', 'H', 'X', 'I', 'N', 'D', 'E', 'X'};
  std::uint32_t version = 2;
  std::uint32_t checksum = 0;  // CRC-32C of page 0 with this field zero
  std::uint32_t dimensions = 0;
  std::uint32_t findings = 0;
  std::uint32_t links = 0;
  std::uint32_t build_width = 0;
  std::uint64_t seed = 0;
  std::uint64_t generation = 0;  // the same as in the file of vectors
  std::uint64_t position = 0;
  std::uint64_t live = 0;
  std::uint32_t rows = 0;
  std::uint32_t sections = 0;
  std::uint32_t top = 0;
  std::uint32_t entry = 0;
  std::array<std::uint32_t, 8> upper_records{};
};

struct SnapshotSection {
  std::array<char, 16> name{};
  std::uint64_t row_bytes = 0;
  std::uint64_t rows = 0;
  std::uint64_t offset = 0;
  std::uint32_t checksum = 0;  // CRC-32C of the rows
  std::uint32_t unused = 0;
};

/// A column as the file knows it.
struct NamedColumn {
  std::string_view name;
  Column* column;
  std::size_t rows;
  bool steers = true;  ///< checked whenever the file is opened; else only on request
};

/// Fills in `sections` and the checksums. On failure the file is the one before.
void write_snapshot(const std::filesystem::path& path, SnapshotHeader header, const std::vector<NamedColumn>& columns);

/// Checks magic, version and checksum. Throws Failure: kNotFound, kMalformed, kUnsupported (another version).
SnapshotHeader read_snapshot_header(const std::filesystem::path& path);

/// Maps the sections under the columns. Throws Failure(kMalformed) where names, sizes or checksums differ.
void map_snapshot(const std::filesystem::path& path, const std::vector<NamedColumn>& columns, bool check_all);

}  // namespace chexworld
