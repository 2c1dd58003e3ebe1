// SPDX-License-Identifier: Apache-2.0
#include "index/id_table.h"

#include <utility>

namespace chexworld {

std::size_t IdTable::home(std::uint64_t id) const {
  id = (id ^ id >> 30) * 0xBF58476D1CE4E5B9ull;
  id = (id ^ id >> 27) * 0x94D049BB133111EBull;
  return std::size_t(id ^ id >> 31) & (places_.size() - 1);
}

std::size_t IdTable::place_of(std::uint64_t id) const {
  std::size_t place = home(id);
  while (places_[place] != kFree && id_of_(places_[place]) != id) place = (place + 1) & (places_.size() - 1);
  return place;
}

std::optional<std::uint32_t> IdTable::find(std::uint64_t id) const {
  const std::uint32_t row = places_[place_of(id)];
  return row == kFree ? std::nullopt : std::optional(row);
}

std::optional<std::uint32_t> IdTable::put(std::uint32_t row) {
  if ((taken_ + 1) * 2 > places_.size()) enlarge();
  const std::uint32_t before = std::exchange(places_[place_of(id_of_(row))], row);
  if (before != kFree) return before;
  ++taken_;
  return std::nullopt;
}

std::optional<std::uint32_t> IdTable::take(std::uint64_t id) {
  std::size_t gap = place_of(id);
  const std::uint32_t row = std::exchange(places_[gap], kFree);
  if (row == kFree) return std::nullopt;
  --taken_;
  // Whoever was pushed past the gap moves into it, so that no search stops short.
  const std::size_t mask = places_.size() - 1;
  for (std::size_t place = (gap + 1) & mask; places_[place] != kFree; place = (place + 1) & mask) {
    const std::size_t wanted = home(id_of_(places_[place]));
    if (((place - wanted) & mask) < ((place - gap) & mask)) continue;
    places_[gap] = std::exchange(places_[place], kFree);
    gap = place;
  }
  return row;
}

void IdTable::enlarge() {
  std::vector<std::uint32_t> before(places_.size() * 2, kFree);
  places_.swap(before);
  for (const std::uint32_t row : before)
    if (row != kFree) places_[place_of(id_of_(row))] = row;
}

}  // namespace chexworld
