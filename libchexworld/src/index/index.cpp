// SPDX-License-Identifier: Apache-2.0
#include "index/index.h"

#include "base/failure.h"

#include <algorithm>
#include <shared_mutex>
#include <string>

namespace chexworld {
namespace {

void check(const IndexOptions& options) {
  const auto require = [](bool condition, const char* message) {
    if (!condition) fail(ErrorCode::kInvalidArgument, message);
  };
  require(options.dimensions >= 1 && options.dimensions <= 4096, "an index has 1 to 4096 dimensions");
  require(options.findings <= 256, "an index holds at most 256 findings per row");
  require(options.links >= 4 && options.links <= 64, "an index has 4 to 64 links per row");
  require(options.build_width >= 8 && options.build_width <= 4096, "an index's build width lies in 8 to 4096");
}

const IndexOptions& checked(const IndexOptions& options) {
  check(options);
  return options;
}

}  // namespace

VectorIndex::VectorIndex(const std::filesystem::path& folder, const IndexOptions& options, const IndexOpening& opening)
    : folder_(folder),
      options_(checked(options)),
      codes_(options.dimensions, opening.most_rows),
      attributes_(options.findings, opening.most_rows),
      graph_(codes_, {options.links, options.build_width, options.seed}, opening.most_rows),
      ids_([this](std::uint32_t row) { return attributes_.id(row); }) {}

std::uint32_t VectorIndex::take_row() {
  const std::scoped_lock lock(rows_mutex_);
  if (!free_.empty()) {
    const std::uint32_t row = free_.back();
    free_.pop_back();
    return row;
  }
  const std::uint32_t row = rows_.load(std::memory_order_relaxed);
  codes_.column().grow(row + 1);
  graph_.layer(0).column().grow(row + 1);
  attributes_.grow(row + 1);
  rows_.store(row + 1, std::memory_order_release);
  return row;
}

void VectorIndex::give_back(std::uint32_t row) {
  const std::scoped_lock lock(rows_mutex_);
  free_.push_back(row);
}

void VectorIndex::upsert(const IndexRow& row) {
  if (row.vector.size() != options_.dimensions)
    fail(ErrorCode::kInvalidArgument, "the index holds vectors of " + std::to_string(options_.dimensions) +
                                          " dimensions, given one of " + std::to_string(row.vector.size()));
  attributes_.check(row.attributes);
  const std::vector<float> unit = normalised(row.vector);
  add(row, unit);
  if (live_ >= centre_at_) centre_codes();
}

void VectorIndex::add(const IndexRow& row, std::span<const float> unit) {
  const std::shared_lock lock(writers_);
  const std::uint32_t place = take_row();
  try {
    vectors_->write(place, unit);
  } catch (...) {
    give_back(place);
    throw;
  }
  codes_.set(place, codes_.encode(unit));
  attributes_.set(place, row.id, row.attributes);
  try {
    graph_.insert(place);
  } catch (...) {
    erased_ = true;  // linked half way: removed like an erased row
    throw;
  }
  publish(place);
}

void VectorIndex::publish(std::uint32_t row) {
  const std::scoped_lock lock(ids_mutex_);
  const std::optional<std::uint32_t> before = ids_.put(row);
  attributes_.set_live(row, true);
  if (before) {
    attributes_.set_live(*before, false);
    erased_ = true;
  } else {
    ++live_;
  }
}

bool VectorIndex::relabel(const IndexRow& row) {
  const std::shared_lock lock(writers_);
  std::optional<std::uint32_t> place;
  {
    const std::scoped_lock ids_lock(ids_mutex_);
    place = ids_.find(row.id);
  }
  if (!place || row.vector.size() != options_.dimensions || !attributes_.same_but_labels(*place, row.attributes))
    return false;
  std::vector<float> kept(vectors_->padded());
  vectors_->read(*place, kept);
  kept.resize(options_.dimensions);
  if (kept != normalised(row.vector)) return false;
  attributes_.set_labels(*place, row.attributes.labels);
  return true;
}

bool VectorIndex::erase(std::uint64_t id) {
  const std::shared_lock lock(writers_);
  const std::scoped_lock ids_lock(ids_mutex_);
  const std::optional<std::uint32_t> row = ids_.take(id);
  if (!row) return false;
  attributes_.set_live(*row, false);
  erased_ = true;
  --live_;
  return true;
}

bool VectorIndex::contains(std::uint64_t id) const {
  const std::scoped_lock lock(ids_mutex_);
  return ids_.find(id).has_value();
}

std::optional<RowAttributes> VectorIndex::attributes(std::uint64_t id) const {
  const std::shared_lock lock(readers_);
  const std::scoped_lock ids_lock(ids_mutex_);
  const std::optional<std::uint32_t> row = ids_.find(id);
  return row ? std::optional(attributes_.get(*row)) : std::nullopt;
}

std::vector<std::uint64_t> VectorIndex::ids() const {
  const std::scoped_lock lock(ids_mutex_);
  std::vector<std::uint64_t> found;
  found.reserve(ids_.size());
  for (std::uint32_t row = 0, rows = rows_.load(std::memory_order_acquire); row < rows; ++row)
    if (attributes_.live(row)) found.push_back(attributes_.id(row));
  std::sort(found.begin(), found.end());
  return found;
}

VectorIndex::Memory VectorIndex::memory() const {
  const std::size_t rows = rows_.load(std::memory_order_acquire);
  Memory memory;
  memory.codes_bytes = codes_.column().row_bytes() * rows;
  memory.links_bytes = graph_.layer(0).column().row_bytes() * rows;
  const Graph::State state = graph_.state();
  for (unsigned level = 1; level <= Graph::kUpperLayers; ++level)
    memory.links_bytes += graph_.layer(level).column().row_bytes() * state.records[level - 1];
  memory.attributes_bytes = attributes_.row_bytes() * rows;
  const std::scoped_lock lock(ids_mutex_);
  memory.ids_bytes = ids_.bytes();
  return memory;
}

}  // namespace chexworld
