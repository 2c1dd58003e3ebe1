// SPDX-License-Identifier: Apache-2.0
//
// Files that are there whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chexworld {

/// Owns a POSIX file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileDescriptor();

  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

/// Throws Failure (kNotFound, kInputOutput) naming the path.
FileDescriptor open_for_reading(const std::filesystem::path& path);

/// The whole file; throws Failure (kNotFound, kTooLarge, kInputOutput) naming the path.
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = 1ull << 32);

/// Where write_file_atomically's callback puts its bytes; throws Failure when the disk is full.
class FileWriter {
 public:
  FileWriter(int descriptor, const std::filesystem::path& path) : descriptor_(descriptor), path_(path) {}
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

 private:
  int descriptor_;
  const std::filesystem::path& path_;
};

/// Writes a temporary file beside `path`, syncs it, renames it over `path`, syncs the folder.
/// On any failure `path` is as it was, the temporary file is gone, and a Failure naming `path` is thrown.
void write_file_atomically(const std::filesystem::path& path, const std::function<void(FileWriter&)>& produce);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace chexworld
