// SPDX-License-Identifier: Apache-2.0
//
// Taking rows out of the graph: whoever linked to a removed record is linked to its neighbours instead.
#include "index/graph.h"

#include <algorithm>

namespace chexworld {

void Graph::remove(const RowTest& gone) {
  for (unsigned level = 0; level <= kUpperLayers; ++level) unlink_layer(level, gone);
  choose_entry(gone);
}

std::uint32_t Graph::record_count(unsigned level) const {
  const std::scoped_lock lock(records_mutex_);
  return records_[level];
}

// Nobody else writes links meanwhile (see the header), so records need no locks but for add_link's own.
void Graph::unlink_layer(unsigned level, const RowTest& gone) {
  GraphLayer& layer = *layers_[level];
  for (std::uint32_t record = 0, count = record_count(level); record < count; ++record) {
    if (level > 0 && layer.is_free(record)) continue;
    if (gone(layer.row_of(record))) {
      removed_[level].push_back(record);
      continue;
    }
    const std::vector<std::uint32_t> others = survivors(layer, record, gone);
    if (others.empty()) continue;
    const std::vector<std::uint32_t> chosen = reselect(layer, record, others);
    layer.set_links(record, chosen);
    for (const std::uint32_t other : chosen) add_link(layer, other, record);
  }
}

// The records that `record` may be linked to once the removed ones are gone: its own neighbours and those of removed
// neighbours, of their removed neighbours, and so on. Empty when none of its neighbours is removed.
std::vector<std::uint32_t> Graph::survivors(const GraphLayer& layer, std::uint32_t record, const RowTest& gone) const {
  constexpr std::size_t kMostRemoved = 64;  // followed from one record
  std::vector<std::uint32_t> found, links, removed;
  const auto sort_out = [&](std::uint32_t from) {
    layer.links(from, links);
    for (const std::uint32_t other : links) {
      if (!gone(layer.row_of(other))) {
        found.push_back(other);
      } else if (removed.size() < kMostRemoved && std::find(removed.begin(), removed.end(), other) == removed.end()) {
        removed.push_back(other);
      }
    }
  };
  sort_out(record);
  if (removed.empty()) return {};
  for (std::size_t i = 0; i < removed.size(); ++i) sort_out(removed[i]);
  if (found.empty()) found.push_back(record);  // nobody left: reselect() leaves it without links
  return found;
}

void Graph::choose_entry(const RowTest& gone) {
  for (unsigned level = kUpperLayers + 1; level-- > 0;) {
    const GraphLayer& layer = *layers_[level];
    for (std::uint32_t record = 0, count = record_count(level); record < count; ++record) {
      if ((level > 0 && layer.is_free(record)) || gone(layer.row_of(record))) continue;
      return entry_.store(std::uint64_t(level) << 32 | record, std::memory_order_release);
    }
  }
  entry_.store(~std::uint64_t{0}, std::memory_order_release);
}

void Graph::reclaim() {
  const std::scoped_lock lock(records_mutex_);
  for (unsigned level = 0; level <= kUpperLayers; ++level) {
    for (const std::uint32_t record : removed_[level]) {
      if (level == 0) {
        layers_[0]->set_links(record, {});
      } else {
        layers_[level]->free(record);
        free_records_[level].push_back(record);
      }
    }
    removed_[level].clear();
  }
}

}  // namespace chexworld
