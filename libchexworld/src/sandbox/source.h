// SPDX-License-Identifier: Apache-2.0
//
// A RadiographSource as bytes, or as a descriptor that another process can map.
#pragma once

#include "base/file.h"
#include "sandbox/decoder.h"

#include <optional>

namespace chexworld {

/// Throws Failure(kTooLarge) over the limit.
void require_size(std::uint64_t bytes, std::uint64_t limit_bytes);

/// A regular file or memfd of this many bytes. Throws Failure: kInvalidArgument for anything else, kTooLarge over
/// `limit_bytes`.
std::uint64_t checked_size(int descriptor, std::uint64_t limit_bytes);

/// A file's bytes mapped read-only, from its start. A file cut short meanwhile raises SIGBUS on access.
class DescriptorBytes {
 public:
  /// Throws Failure as checked_size() does.
  DescriptorBytes(int descriptor, std::uint64_t limit_bytes);
  ~DescriptorBytes();
  DescriptorBytes(const DescriptorBytes&) = delete;
  DescriptorBytes& operator=(const DescriptorBytes&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The source's bytes; valid as long as the object and the source.
class SourceBytes {
 public:
  /// Throws Failure (kNotFound, kInputOutput, kInvalidArgument, kTooLarge).
  SourceBytes(const RadiographSource& source, std::uint64_t limit_bytes);

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::optional<DescriptorBytes> mapped_;
  std::span<const std::byte> bytes_;
};

}  // namespace chexworld
