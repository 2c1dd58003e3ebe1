// SPDX-License-Identifier: Apache-2.0
#include "base/mapped_file.h"

#include "base/failure.h"
#include "base/file.h"

#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>

namespace chexworld {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  struct stat status{};
  if (fstat(file.get(), &status) != 0) fail_errno("reading " + path.string(), errno);
  if (!S_ISREG(status.st_mode)) fail(ErrorCode::kInvalidArgument, path.string() + " is not a regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;  // mmap refuses to map nothing
  void* address = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) fail_errno("mapping " + path.string(), errno);
  data_ = static_cast<const std::byte*>(address);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace chexworld
