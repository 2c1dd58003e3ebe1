// SPDX-License-Identifier: Apache-2.0
#include "sandbox/source.h"

#include "base/failure.h"

#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>

namespace chexworld {

void require_size(std::uint64_t bytes, std::uint64_t limit_bytes) {
  if (bytes > limit_bytes)
    fail(ErrorCode::kTooLarge,
         "the file has " + std::to_string(bytes) + " bytes, the limit is " + std::to_string(limit_bytes));
}

std::uint64_t checked_size(int descriptor, std::uint64_t limit_bytes) {
  struct stat facts{};
  if (fstat(descriptor, &facts) != 0) fail_errno("looking at the object's descriptor", errno);
  if (!S_ISREG(facts.st_mode)) fail(ErrorCode::kInvalidArgument, "the object must be a regular file");
  const std::uint64_t size = std::uint64_t(facts.st_size);
  require_size(size, limit_bytes);
  return size;
}

DescriptorBytes::DescriptorBytes(int descriptor, std::uint64_t limit_bytes)
    : size_(std::size_t(checked_size(descriptor, limit_bytes))) {
  if (size_ == 0) return;
  void* data = mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) fail_errno("mapping the object", errno);
  data_ = static_cast<const std::byte*>(data);
}

DescriptorBytes::~DescriptorBytes() {
  if (data_) munmap(const_cast<std::byte*>(data_), size_);
}

SourceBytes::SourceBytes(const RadiographSource& source, std::uint64_t limit_bytes) {
  if (const auto* bytes = std::get_if<std::span<const std::byte>>(&source)) {
    require_size(bytes->size(), limit_bytes);
    bytes_ = *bytes;
    return;
  }
  if (const auto* path = std::get_if<std::filesystem::path>(&source)) {
    const FileDescriptor file = open_for_reading(*path);
    mapped_.emplace(file.get(), limit_bytes);
  } else {
    mapped_.emplace(std::get<int>(source), limit_bytes);
  }
  bytes_ = mapped_->bytes();
}

}  // namespace chexworld
