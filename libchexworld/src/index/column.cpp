// SPDX-License-Identifier: Apache-2.0
#include "index/column.h"

#include "base/failure.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <sys/mman.h>

namespace chexworld {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kStep = std::size_t(1) << 20;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

Column::Column(std::size_t row_bytes, std::size_t most_rows)
    : row_bytes_(row_bytes), most_rows_(most_rows), reserved_bytes_(round_up(row_bytes * most_rows, kStep)) {
  void* address = mmap(nullptr, reserved_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    fail(ErrorCode::kResourceExhausted, "no address space for an index of " + std::to_string(most_rows) +
                                            " rows (raise the address space limit or lower most_rows)");
  base_ = static_cast<std::byte*>(address);
}

Column::~Column() { munmap(base_, reserved_bytes_); }

void Column::grow(std::size_t rows) {
  if (rows > most_rows_) fail(ErrorCode::kResourceExhausted, "the index is full: raise most_rows");
  const std::size_t wanted = rows * row_bytes_;
  if (wanted <= usable_bytes_) return;
  const std::size_t usable = std::min(round_up(wanted + wanted / 16, kStep), reserved_bytes_);
  if (mprotect(base_ + usable_bytes_, usable - usable_bytes_, PROT_READ | PROT_WRITE) != 0)
    fail(ErrorCode::kResourceExhausted, "no memory for " + std::to_string(rows) + " rows of the index");
  usable_bytes_ = usable;
}

void Column::map(int descriptor, std::uint64_t offset, std::size_t rows) {
  const std::size_t bytes = round_up(rows * row_bytes_, kPage);
  if (bytes == 0) return;
  if (rows > most_rows_) fail(ErrorCode::kResourceExhausted, "the index file has more rows than most_rows");
  void* address =
      mmap(base_, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, descriptor, off_t(offset));
  if (address == MAP_FAILED) fail_errno("mapping the index file", errno);
  usable_bytes_ = bytes;
}

}  // namespace chexworld
