// SPDX-License-Identifier: Apache-2.0
//
// Vectors as 8-bit codes: x is about scale * code, scale = max|x| / 127.
#pragma once

#include "index/column.h"
#include "index/kernels.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chexworld {

/// Divides by the Euclidean norm. Throws Failure(kInvalidArgument) for a vector that is not finite or has no length.
std::vector<float> normalised(std::span<const float> vector);

/// A query in the form in which rows are compared with it; padded with zeros to whole blocks of 64.
struct QueryCode {
  std::vector<std::int8_t> code;
  float scale = 0;
};
QueryCode quantise(std::span<const float> unit_vector);

/// The codes of all rows: i8[rows, padded dimensions], each row followed by its scale (in units of 2^-36, an integer
/// so that no file can bring in a NaN) and the sum of its codes. Thread safety: that of Column.
class CodeTable {
 public:
  CodeTable(std::size_t dimensions, std::size_t most_rows);

  static std::size_t padded(std::size_t dimensions) { return (dimensions + 63) / 64 * 64; }

  Column& column() { return column_; }
  const Column& column() const { return column_; }

  void set(std::size_t row, const QueryCode& code);
  void clear(std::size_t row);

  const std::int8_t* code(std::size_t row) const { return reinterpret_cast<const std::int8_t*>(column_.row(row)); }
  float scale(std::size_t row) const { return float(tail(row).scale) * 0x1p-36f; }

  /// Approximate cosine of a code with a row.
  float similarity(const std::int8_t* code, float scale, std::size_t row) const {
    const Tail end = tail(row);
    return float(dot_(code, this->code(row), padded_, end.sum)) * (scale * (float(end.scale) * 0x1p-36f));
  }
  float similarity(const QueryCode& query, std::size_t row) const {
    return similarity(query.code.data(), query.scale, row);
  }
  float similarity(std::size_t a, std::size_t b) const { return similarity(code(a), scale(a), b); }

  void prefetch(std::size_t row) const {
    const std::byte* address = column_.row(row);
    for (std::size_t i = 0; i < column_.row_bytes(); i += 64) __builtin_prefetch(address + i);
  }

 private:
  struct Tail {
    std::uint32_t scale;
    std::int32_t sum;
  };
  Tail tail(std::size_t row) const {
    Tail end;
    __builtin_memcpy(&end, column_.row(row) + padded_, sizeof end);
    return end;
  }

  const std::size_t padded_;
  Column column_;
  decltype(Kernels::dot_codes) dot_;
};

}  // namespace chexworld
