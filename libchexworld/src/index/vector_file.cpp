// SPDX-License-Identifier: Apache-2.0
#include "index/vector_file.h"

#include "base/failure.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace chexworld {
namespace {

constexpr std::uint64_t kHeaderBytes = 4096;

struct Header {
  std::array<char, 8> magic{'C', 'H', 'X', 'V', 'E', 'C', 'T', 'S'};
  std::uint32_t version = 2;
  std::uint32_t dimensions = 0;
  std::uint64_t generation = 0;

  friend bool operator==(const Header&, const Header&) = default;
};

FileDescriptor open_locked(const std::filesystem::path& path, int flags) {
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0666));
  if (file.get() < 0) fail_errno("opening " + path.string(), errno);
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    fail(ErrorCode::kConflict, path.string() + " is in use by another process or another index object");
  return file;
}

}  // namespace

VectorFile::VectorFile(const std::filesystem::path& path, std::uint32_t dimensions, std::uint64_t generation, Mode mode)
    : path_(path), padded_((dimensions + 15) / 16 * 16) {
  file_ = open_locked(path, mode == Mode::kCreate ? O_CREAT : 0);
  if (mode == Mode::kOpen) {
    check_header(dimensions, generation);
  } else {
    if (ftruncate(file_.get(), 0) != 0) fail_errno("writing " + path.string(), errno);
    write_header(dimensions, generation);
  }
}

void VectorFile::write_header(std::uint32_t dimensions, std::uint64_t generation) {
  std::array<std::byte, kHeaderBytes> page{};
  Header header;
  header.dimensions = dimensions;
  header.generation = generation;
  std::memcpy(page.data(), &header, sizeof header);
  write_bytes(0, page);
}

void VectorFile::check_header(std::uint32_t dimensions, std::uint64_t generation) const {
  Header wanted, found;
  wanted.dimensions = dimensions;
  wanted.generation = generation;
  if (pread(file_.get(), &found, sizeof found, 0) != ssize_t(sizeof found) || !(found == wanted))
    fail(ErrorCode::kMalformed, path_.string() + " does not belong to the index beside it: build the index again");
}

std::uint64_t VectorFile::offset_of(std::uint32_t row) const {
  return kHeaderBytes + std::uint64_t(row) * padded_ * sizeof(float);
}

void VectorFile::write_bytes(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(file_.get(), bytes.data(), bytes.size(), off_t(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno("writing " + path_.string(), errno);
    bytes = bytes.subspan(std::size_t(count));
    offset += std::uint64_t(count);
  }
}

void VectorFile::write(std::uint32_t row, std::span<const float> unit_vector) {
  std::vector<float> padded(unit_vector.begin(), unit_vector.end());
  padded.resize(padded_);
  write_bytes(offset_of(row), std::as_bytes(std::span(padded)));
}

void VectorFile::erase(std::uint32_t row) {
  const std::vector<std::byte> zeros(padded_ * sizeof(float));
  write_bytes(offset_of(row), zeros);
}

bool VectorFile::empty(std::uint32_t row) const {
  std::vector<float> vector(padded_);
  const ssize_t count = pread(file_.get(), vector.data(), padded_ * sizeof(float), off_t(offset_of(row)));
  return count <= 0 || std::all_of(vector.begin(), vector.end(), [](float value) { return value == 0; });
}

void VectorFile::read(std::uint32_t row, std::span<float> vector) const {
  const ssize_t count = pread(file_.get(), vector.data(), padded_ * sizeof(float), off_t(offset_of(row)));
  if (count < 0) fail_errno("reading " + path_.string(), errno);
  if (std::size_t(count) != padded_ * sizeof(float))
    fail(ErrorCode::kMalformed, path_.string() + " has been cut short: build the index again");
}

void VectorFile::sync() {
  if (fdatasync(file_.get()) != 0) fail_errno("writing " + path_.string(), errno);
}

void VectorFile::require(std::size_t rows) const {
  struct stat status{};
  if (fstat(file_.get(), &status) != 0) fail_errno("reading " + path_.string(), errno);
  if (rows != 0 && std::uint64_t(status.st_size) < offset_of(std::uint32_t(rows)))
    fail(ErrorCode::kMalformed,
         path_.string() + " is shorter than its " + std::to_string(rows) + " rows: build the index again");
}

}  // namespace chexworld
