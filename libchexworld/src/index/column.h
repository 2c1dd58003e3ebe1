// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace chexworld {

/// Rows of one size whose addresses never change while it grows: address space for the most rows is
/// reserved once (it costs no memory), pages become usable as rows are added. The first rows may come from a
/// mapped file; writing to them copies the page, never the file.
/// grow() and map() are not thread safe; rows below the grown count may be used from any thread.
class Column {
 public:
  /// Throws Failure(kResourceExhausted) when the address space is not to be had.
  Column(std::size_t row_bytes, std::size_t most_rows);
  ~Column();
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;

  std::size_t row_bytes() const { return row_bytes_; }
  std::size_t most_rows() const { return most_rows_; }
  std::byte* row(std::size_t index) const { return base_ + index * row_bytes_; }
  template <class Value>
  Value* as() const {
    return reinterpret_cast<Value*>(base_);
  }
  std::span<const std::byte> bytes(std::size_t rows) const { return {base_, rows * row_bytes_}; }

  /// Makes `rows` rows usable, new ones zero. Throws Failure(kResourceExhausted).
  void grow(std::size_t rows);
  /// Lays `rows` rows of a file, from a page boundary on, under an empty column.
  void map(int descriptor, std::uint64_t offset, std::size_t rows);

 private:
  const std::size_t row_bytes_;
  const std::size_t most_rows_;
  const std::size_t reserved_bytes_;
  std::byte* base_ = nullptr;
  std::size_t usable_bytes_ = 0;
};

}  // namespace chexworld
