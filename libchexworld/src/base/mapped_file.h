// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

namespace chexworld {

/// A file's bytes, mapped read-only. Move-only; the view lives as long as the object.
/// A file that shrinks while mapped raises SIGBUS on access, so map only files that are replaced by
/// renaming (write_file_atomically) and never cut short.
class MappedFile {
 public:
  /// Throws Failure (kNotFound, kInputOutput) naming the path.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace chexworld
