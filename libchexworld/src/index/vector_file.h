// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace chexworld {

/// The vectors, one row each, for exact ranking: f32[rows, padded to 16] behind a header of one page.
/// Read with pread: a row costs about a microsecond from the page cache, none of it counts as the process's memory,
/// and a damaged disk is an error, not a signal. Locked while open, so that no two processes write one index.
/// Thread safety: distinct rows may be written and any row read from any number of threads.
class VectorFile {
 public:
  enum class Mode { kCreate, kOpen };
  /// kCreate replaces what is there. Throws Failure (kNotFound, kMalformed, kConflict when another process has it).
  VectorFile(const std::filesystem::path& path, std::uint32_t dimensions, std::uint64_t generation, Mode mode);

  void write(std::uint32_t row, std::span<const float> unit_vector);
  void erase(std::uint32_t row);                                ///< overwrites with zeros
  bool empty(std::uint32_t row) const;                          ///< all zeros, or behind the end
  void read(std::uint32_t row, std::span<float> vector) const;  ///< vector: padded() values
  std::size_t padded() const { return padded_; }
  void sync();
  /// Throws Failure(kMalformed) when the file is too short for so many rows.
  void require(std::size_t rows) const;

 private:
  void write_bytes(std::uint64_t offset, std::span<const std::byte> bytes);
  std::uint64_t offset_of(std::uint32_t row) const;
  void write_header(std::uint32_t dimensions, std::uint64_t generation);
  void check_header(std::uint32_t dimensions, std::uint64_t generation) const;

  const std::filesystem::path path_;
  const std::size_t padded_;
  FileDescriptor file_;
};

}  // namespace chexworld
