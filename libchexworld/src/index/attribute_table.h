// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/attributes.h"
#include "index/column.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace chexworld {

/// The rows that meet a filter: one bit each.
struct RowMask {
  std::vector<std::uint64_t> words;
  std::size_t count = 0;

  bool holds(std::uint32_t row) const { return row / 64 < words.size() && (words[row / 64] >> row % 64 & 1) != 0; }
};

/// Ids, attributes and the live bit of every row, one column each.
///
/// Thread safety: a row's values are written while it is not live and, but for its labels (one atomic word), are not
/// changed while it is, so any thread may read what set_live() has published. grow() and the writing of one row belong
/// to one thread.
class AttributeTable {
 public:
  static constexpr float kSteps = 65534;

  AttributeTable(std::uint32_t findings, std::size_t most_rows);

  /// A probability as it is kept: 0 unknown, 1 to 65535 for 0 to 1. Rounds down, so that p >= least implies
  /// step_of(p) >= step_of(least): no row is lost at a threshold.
  static std::uint16_t step_of(float probability);

  std::uint32_t findings() const { return findings_; }
  void grow(std::size_t rows);
  std::size_t row_bytes() const { return 4 * 8 + 2 * 4 + 2 + 2 + probabilities_.row_bytes(); }  ///< and one bit

  /// Throws Failure(kInvalidArgument) for values out of range.
  void check(const RowAttributes& attributes) const;
  void check(const SearchFilter& filter) const;

  void set(std::uint32_t row, std::uint64_t id, const RowAttributes& attributes);
  /// The one attribute that may change while the row is live.
  void set_labels(std::uint32_t row, std::uint64_t labels);
  /// Whether the row is kept with these attributes, whatever its labels.
  bool same_but_labels(std::uint32_t row, const RowAttributes& attributes) const;
  void clear(std::uint32_t row) { set(row, 0, {}); }
  RowAttributes get(std::uint32_t row) const;  ///< findings in steps of 1/65534
  std::uint64_t id(std::uint32_t row) const { return ids_.as<std::uint64_t>()[row]; }
  std::uint64_t patient(std::uint32_t row) const { return patients_.as<std::uint64_t>()[row]; }
  std::uint64_t study(std::uint32_t row) const { return studies_.as<std::uint64_t>()[row]; }

  bool live(std::uint32_t row) const { return (live_word(row / 64) >> row % 64 & 1) != 0; }
  void set_live(std::uint32_t row, bool live);
  std::uint64_t live_word(std::size_t index) const {
    return std::atomic_ref(live_.as<std::uint64_t>()[index]).load(std::memory_order_acquire);
  }

  /// The live rows below `rows` that meet every condition but the exclusions.
  RowMask matching(const SearchFilter& filter, std::size_t rows) const;
  /// Whether a filter has conditions besides the exclusions.
  static bool restricts(const SearchFilter& filter);

  /// Every column with the name it has in a file; rows of the live bits are words of 64.
  struct Named {
    std::string_view name;
    Column* column;
  };
  std::vector<Named> columns();

 private:
  RowMask live_rows(std::size_t rows) const;
  std::uint64_t labels(std::uint32_t row) const {
    return std::atomic_ref(labels_.as<std::uint64_t>()[row]).load(std::memory_order_relaxed);
  }
  void narrow_to_labels(RowMask& mask, const std::vector<std::uint64_t>& wanted) const;
  void narrow_to_finding(RowMask& mask, const SearchFilter::Finding& finding) const;

  const std::uint32_t findings_;
  Column ids_, patients_, studies_, labels_, dates_, institutions_, ages_, views_, sexes_, probabilities_, live_;
};

}  // namespace chexworld
