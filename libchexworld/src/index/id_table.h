// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace chexworld {

/// From id to row: a hash table of row numbers; the ids themselves are read back from the rows. 4 bytes per place,
/// at most half of the places taken. Not thread safe.
class IdTable {
 public:
  /// `id_of` gives the id of a row; it must not change while the row is in the table.
  explicit IdTable(std::function<std::uint64_t(std::uint32_t)> id_of) : id_of_(std::move(id_of)), places_(16, kFree) {}

  std::size_t size() const { return taken_; }
  std::size_t bytes() const { return places_.size() * sizeof places_[0]; }

  std::optional<std::uint32_t> find(std::uint64_t id) const;
  /// Puts the row under its id; returns the row that was there.
  std::optional<std::uint32_t> put(std::uint32_t row);
  /// Takes the id out; returns its row.
  std::optional<std::uint32_t> take(std::uint64_t id);

 private:
  static constexpr std::uint32_t kFree = 0xffffffffu;
  std::size_t home(std::uint64_t id) const;
  std::size_t place_of(std::uint64_t id) const;  // where it is, or the free place where it would be
  void enlarge();

  std::function<std::uint64_t(std::uint32_t)> id_of_;
  std::vector<std::uint32_t> places_;  // a power of two
  std::size_t taken_ = 0;
};

}  // namespace chexworld
