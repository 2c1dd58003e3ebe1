// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/column.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace chexworld {

/// The links of one layer of the graph: u32[records, header + 1 + degree], little-endian.
/// Bottom layer: count, links; a record is a row. Layers above: row, record in the layer below, count, links.
///
/// Links are read without locks while another thread rewrites them: every number ever stored is a record that is
/// complete, so a reader may see a mixture of old and new links and still goes nowhere wrong. Writers of one record
/// must take turns.
class GraphLayer {
 public:
  /// Level 0 is the bottom.
  GraphLayer(unsigned level, unsigned degree, std::size_t most_records);

  Column& column() { return column_; }
  const Column& column() const { return column_; }
  unsigned level() const { return level_; }
  unsigned degree() const { return degree_; }

  std::uint32_t row_of(std::uint32_t record) const { return header_ == 0 ? record : load(record, 0); }
  std::uint32_t below(std::uint32_t record) const { return load(record, 1); }
  void describe(std::uint32_t record, std::uint32_t row, std::uint32_t below);
  /// A record above the bottom that belongs to no row.
  void free(std::uint32_t record) { describe(record, 0, kFree); }
  bool is_free(std::uint32_t record) const { return below(record) == kFree; }

  unsigned link_count(std::uint32_t record) const {
    const std::uint32_t count = load(record, header_);
    return count < degree_ ? count : degree_;
  }
  std::uint32_t link(std::uint32_t record, unsigned i) const { return load(record, header_ + 1 + i); }
  void links(std::uint32_t record, std::vector<std::uint32_t>& into) const;
  void append_link(std::uint32_t record, std::uint32_t target);  ///< only when there is room
  void set_links(std::uint32_t record, std::span<const std::uint32_t> targets);
  void prefetch(std::uint32_t record) const {
    for (std::size_t i = 0; i < column_.row_bytes(); i += 64) __builtin_prefetch(column_.row(record) + i);
  }

  /// Throws Failure(kMalformed) unless all counts and links of the records lead to records, all rows below `rows`,
  /// all records below under `records_below`.
  void check(std::size_t records, std::size_t rows, std::size_t records_below) const;

 private:
  std::uint32_t* word(std::uint32_t record, unsigned i) const {
    return column_.as<std::uint32_t>() + std::size_t(record) * words_ + i;
  }
  std::uint32_t load(std::uint32_t record, unsigned i) const {
    return std::atomic_ref(*word(record, i)).load(std::memory_order_acquire);
  }
  void store(std::uint32_t record, unsigned i, std::uint32_t value) {
    std::atomic_ref(*word(record, i)).store(value, std::memory_order_release);
  }

  static constexpr std::uint32_t kFree = 0xffffffffu;

  const unsigned level_;
  const unsigned header_;  // words before the count
  const unsigned degree_;
  const unsigned words_;
  Column column_;
};

}  // namespace chexworld
