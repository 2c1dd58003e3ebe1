// SPDX-License-Identifier: Apache-2.0
//
// An index on disk: "index.chx" (snapshot.h) and "vectors.f32" (vector_file.h).
//
// The order of writing makes every crash harmless: vectors of new rows are synced before the snapshot that knows the
// rows; rows that were erased are wiped and used again only after a snapshot that knows them as free. A snapshot
// therefore never speaks of a vector that is not there or not its own.
#include "base/failure.h"
#include "index/index.h"
#include "index/snapshot.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <string>

namespace chexworld {
namespace {

constexpr const char* kSnapshot = "index.chx";
constexpr const char* kVectors = "vectors.f32";

constexpr std::array<std::string_view, Graph::kUpperLayers + 1> kLayerNames{
    "links", "links1", "links2", "links3", "links4", "links5", "links6", "links7", "links8"};

std::uint64_t random_number() {
  std::random_device device;
  return std::uint64_t(device()) << 32 | device();
}

}  // namespace

std::unique_ptr<VectorIndex> VectorIndex::create(const std::filesystem::path& folder, const IndexOptions& options,
                                                 const IndexOpening& opening) {
  std::unique_ptr<VectorIndex> index(new VectorIndex(folder, options, opening));
  std::filesystem::create_directories(folder);
  index->generation_ = random_number();
  index->vectors_.emplace(folder / kVectors, options.dimensions, index->generation_, VectorFile::Mode::kCreate);
  index->persist();
  return index;
}

std::unique_ptr<VectorIndex> VectorIndex::open(const std::filesystem::path& folder, const IndexOpening& opening) {
  const SnapshotHeader header = read_snapshot_header(folder / kSnapshot);
  const IndexOptions options{header.dimensions, header.findings, header.links, header.build_width, header.seed};
  try {
    std::unique_ptr<VectorIndex> index(new VectorIndex(folder, options, opening));
    index->load(header, opening.verify_codes);
    return index;
  } catch (const Failure& failure) {
    // Values that create() would have refused are damage here.
    if (failure.error().code() != ErrorCode::kInvalidArgument) throw;
    fail(ErrorCode::kMalformed, (folder / kSnapshot).string() + " is damaged: build the index again");
  }
}

std::vector<NamedColumn> VectorIndex::columns(const Graph::State& state) {
  const std::size_t rows = rows_.load();
  std::vector<NamedColumn> all;
  for (const AttributeTable::Named& named : attributes_.columns())
    all.push_back({named.name, named.column, named.name == "live" ? (rows + 63) / 64 : rows});
  for (unsigned level = 0; level <= Graph::kUpperLayers; ++level)
    all.push_back({kLayerNames[level], &graph_.layer(level).column(), level == 0 ? rows : state.records[level - 1]});
  all.push_back({"centre", &codes_.centre_column(), 1});
  all.push_back({"codes", &codes_.column(), rows, false});
  return all;
}

void VectorIndex::persist() {
  const std::unique_lock lock(writers_);
  remove_erased();
  vectors_->sync();
  const Graph::State state = graph_.state();
  SnapshotHeader header;
  header.dimensions = options_.dimensions;
  header.findings = options_.findings;
  header.links = options_.links;
  header.build_width = options_.build_width;
  header.seed = options_.seed;
  header.generation = generation_;
  header.position = position_;
  header.live = live_;
  header.rows = rows_;
  header.top = state.top;
  header.entry = state.entry;
  std::copy(state.records.begin(), state.records.end(), header.upper_records.begin());
  write_snapshot(folder_ / kSnapshot, header, columns(state));
  wipe_removed();
}

// Takes erased rows out of the graph and wipes them in memory; searches go on.
void VectorIndex::remove_erased() {
  if (!erased_.exchange(false)) return;
  std::vector<bool> known(rows_.load());
  for (const auto* rows : {&free_, &removed_})
    for (const std::uint32_t row : *rows) known[row] = true;
  graph_.remove([this](std::uint32_t row) { return !attributes_.live(row); });
  {
    const std::unique_lock older_searches_have_ended(readers_);
  }
  graph_.reclaim();
  for (std::uint32_t row = 0; row < known.size(); ++row) {
    if (known[row] || attributes_.live(row)) continue;
    codes_.clear(row);
    attributes_.clear(row);
    removed_.push_back(row);
  }
}

// The file knows the removed rows as free by now: their vectors may go and their places be used again.
void VectorIndex::wipe_removed() {
  for (const std::uint32_t row : removed_) vectors_->erase(row);
  free_.insert(free_.end(), removed_.begin(), removed_.end());
  removed_.clear();
}

void VectorIndex::load(const SnapshotHeader& header, bool verify_codes) {
  generation_ = header.generation;
  position_ = header.position;
  rows_ = header.rows;
  Graph::State state{header.top, header.entry, {header.upper_records.begin(), header.upper_records.end()}};
  vectors_.emplace(folder_ / kVectors, header.dimensions, generation_, VectorFile::Mode::kOpen);
  map_snapshot(folder_ / kSnapshot, columns(state), verify_codes);
  vectors_->require(header.rows);
  if (!codes_.restore_centre())
    fail(ErrorCode::kMalformed, (folder_ / kSnapshot).string() + " is damaged: build the index again");
  graph_.restore(state, header.rows);
  restore_rows();
  if (live_ != header.live)
    fail(ErrorCode::kMalformed, (folder_ / kSnapshot).string() + " miscounts its rows: build the index again");
}

void VectorIndex::restore_rows() {
  const std::uint32_t rows = rows_;
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (!attributes_.live(row)) {
      free_.push_back(row);
      if (!vectors_->empty(row)) vectors_->erase(row);  // a crash came between snapshot and wiping
    } else if (ids_.put(row)) {
      fail(ErrorCode::kMalformed, (folder_ / kSnapshot).string() + " has an id twice: build the index again");
    }
  }
  live_ = ids_.size();
  centre_at_ = next_centring(live_);
}

}  // namespace chexworld
