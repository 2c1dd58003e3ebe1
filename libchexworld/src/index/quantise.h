// SPDX-License-Identifier: Apache-2.0
//
// Vectors as 8-bit codes, relative to a centre m near their mean: d = x - m is about scale * code, scale = max|d| /
// 127.
//
// Embeddings of one model have much in common: most of a unit vector's length may be the same for all. Codes of x would
// spend their steps on that; codes of d spend them on what tells radiographs apart. With lift = m.d, the cosine of two
// unit vectors is |m|^2 + lift_a + lift_b + d_a.d_b.
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

/// A vector in the form in which rows are compared with it; padded with zeros to whole blocks of 64.
struct QueryCode {
  std::vector<std::int8_t> code;
  float scale = 0;
  float lift = 0;
};

/// The same, where it lies. Valid as long as that does.
struct CodeView {
  const std::int8_t* code;
  float scale;
  float lift;
};
inline CodeView view_of(const QueryCode& code) { return {code.code.data(), code.scale, code.lift}; }

/// The codes of all rows: i8[rows, padded dimensions], each row followed by its scale (in units of 2^-36), the sum of
/// its codes and its lift (in units of 2^-28); integers, so that no file can bring in a NaN. Thread safety: that of
/// Column; set_centre() beside nothing else.
class CodeTable {
 public:
  CodeTable(std::size_t dimensions, std::size_t most_rows);

  static std::size_t padded(std::size_t dimensions) { return (dimensions + 63) / 64 * 64; }

  Column& column() { return column_; }
  const Column& column() const { return column_; }
  Column& centre_column() { return centre_; }  ///< one row

  /// f32[D], not longer than a unit vector; zero at first. Codes made before are worth nothing afterwards.
  void set_centre(std::span<const float> centre);
  /// Takes up a centre that was mapped. False when it cannot be one.
  [[nodiscard]] bool restore_centre();
  QueryCode encode(std::span<const float> unit_vector) const;

  void set(std::size_t row, const QueryCode& code);
  void clear(std::size_t row);

  CodeView view(std::size_t row) const {
    const Tail end = tail(row);
    return {code(row), float(end.scale) * 0x1p-36f, float(end.lift) * 0x1p-28f};
  }

  /// Approximate cosine of a code with a row.
  float similarity(const CodeView& query, std::size_t row) const {
    const Tail end = tail(row);
    const float product =
        float(dot_(query.code, code(row), padded_, end.sum)) * (query.scale * (float(end.scale) * 0x1p-36f));
    return product + (centre_squares_ + query.lift + float(end.lift) * 0x1p-28f);
  }
  float similarity(const QueryCode& query, std::size_t row) const { return similarity(view_of(query), row); }
  float similarity(std::size_t a, std::size_t b) const { return similarity(view(a), b); }

  void prefetch(std::size_t row) const {
    const std::byte* address = column_.row(row);
    for (std::size_t i = 0; i < column_.row_bytes(); i += 64) __builtin_prefetch(address + i);
  }

 private:
  struct Tail {
    std::uint32_t scale;
    std::int32_t sum;
    std::int32_t lift;
  };
  const std::int8_t* code(std::size_t row) const { return reinterpret_cast<const std::int8_t*>(column_.row(row)); }
  Tail tail(std::size_t row) const {
    Tail end;
    __builtin_memcpy(&end, column_.row(row) + padded_, sizeof end);
    return end;
  }

  const std::size_t dimensions_;
  const std::size_t padded_;
  Column column_;
  Column centre_;
  float centre_squares_ = 0;
  decltype(Kernels::dot_codes) dot_;
};

}  // namespace chexworld
