// SPDX-License-Identifier: Apache-2.0
//
// Nearest-neighbour search over embeddings, embedded in the process: 8-bit codes, a graph over them, and vectors on
// disk for exact ranking. docs/search.md has the method, the file format and figures.
#pragma once

#include "index/attribute_table.h"
#include "index/centring.h"
#include "index/graph.h"
#include "index/id_table.h"
#include "index/locks.h"
#include "index/quantise.h"
#include "index/search.h"
#include "index/snapshot.h"
#include "index/vector_file.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace chexworld {

/// What an index is; fixed when it is made.
struct IndexOptions {
  std::uint32_t dimensions = 768;   ///< D, 1 to 4096
  std::uint32_t findings = 0;       ///< probabilities per row, 0 to 256
  std::uint32_t links = 16;         ///< graph degree M, 4 to 64; bytes per row grow by 8 per link
  std::uint32_t build_width = 200;  ///< efConstruction, 8 to 4096: time per insertion against recall
  std::uint64_t seed = 0;           ///< of the graph's layers
};

/// How it is opened; may differ every time.
struct IndexOpening {
  std::size_t most_rows = std::size_t{1} << 26;  ///< address space reserved: about (D + 300) bytes each, no memory
  bool verify_codes = false;                     ///< read everything and compare checksums, not only what steers
};

struct IndexRow {
  std::uint64_t id = 0;
  std::span<const float> vector;  ///< f32[D], of any length but 0
  RowAttributes attributes;
};

/// An index in a folder of its own.
///
/// The store is the truth, the index a means: changes are in memory until persist(), and whoever feeds it keeps the
/// number of the last change (set_position()), so that after a crash the changes since position() are applied again.
/// Applying a change twice is harmless. A folder that is missing, damaged or of another version is refused by open()
/// with kNotFound, kMalformed or kUnsupported; build it again then.
///
/// Thread safety: everything may be called from any number of threads at once. Searches see each row entirely or not
/// at all, never wait for upsert() or erase(), and go on during persist(); upsert() and erase() wait for persist().
/// Four times in the life of an index, the last time at 8192 rows, an upsert() makes everybody wait while it centres
/// the codes. Errors: throws Failure. kInvalidArgument for a vector that is not finite, zero, or of another dimension,
/// for attributes out of range; kResourceExhausted for a full disk or most_rows reached; nothing has changed then.
class VectorIndex {
 public:
  /// A new empty index; the folder is made, an index that is there is replaced.
  static std::unique_ptr<VectorIndex> create(const std::filesystem::path& folder, const IndexOptions& options,
                                             const IndexOpening& opening = {});
  /// Takes less than a second per million rows: columns are mapped, what steers a search is checked.
  static std::unique_ptr<VectorIndex> open(const std::filesystem::path& folder, const IndexOpening& opening = {});

  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;

  /// Adds the row, or replaces the one with its id.
  void upsert(const IndexRow& row);
  /// True where the row is there with this vector and, whatever its labels, with these attributes: it has these labels
  /// then, at once and without another place in the graph. Else nothing is changed: upsert() it.
  bool relabel(const IndexRow& row);
  /// False when there is no such row. It is found no more at once; what is left of its vector (in the graph, on disk)
  /// is wiped by the next persist().
  bool erase(std::uint64_t id);

  bool contains(std::uint64_t id) const;
  std::optional<RowAttributes> attributes(std::uint64_t id) const;
  std::vector<std::uint64_t> ids() const;  ///< ascending, for comparing with the store
  std::size_t size() const { return live_.load(std::memory_order_relaxed); }
  const IndexOptions& options() const { return options_; }

  /// The best k, fewer when fewer rows meet the filter. With kScan, and whenever the filter is selective, every row
  /// that meets the filter is compared; the graph is approximate (docs/search.md has its recall).
  SearchAnswer search(const SearchQuery& query) const;
  /// Answers in the order of the queries, worked on by `threads` threads, the caller's among them.
  std::vector<SearchAnswer> search_batch(std::span<const SearchQuery> queries, unsigned threads) const;

  /// Number of the last change that is in the index, in the numbering of whoever feeds it; kept by persist().
  std::uint64_t position() const { return position_.load(); }
  void set_position(std::uint64_t position) { position_.store(position); }

  /// Wipes erased rows and writes all to disk, whole or not at all. On failure the file is the one before, the index
  /// goes on.
  void persist();

  /// Memory per part, for reports. Mapped pages count although the system may drop them.
  struct Memory {
    std::size_t codes_bytes = 0, links_bytes = 0, attributes_bytes = 0, ids_bytes = 0;
    std::size_t total_bytes() const { return codes_bytes + links_bytes + attributes_bytes + ids_bytes; }
  };
  Memory memory() const;

 private:
  VectorIndex(const std::filesystem::path& folder, const IndexOptions& options, const IndexOpening& opening);

  void add(const IndexRow& row, std::span<const float> unit);
  void centre_codes();
  std::uint32_t take_row();
  void give_back(std::uint32_t row);
  void publish(std::uint32_t row);
  std::vector<NamedColumn> columns(const Graph::State& state);
  void remove_erased();
  void wipe_removed();
  void load(const SnapshotHeader& header, bool verify_codes);
  void restore_rows();

  struct Target;  // what rows are compared with
  Target target_of(const SearchQuery& query) const;
  void check(const SearchQuery& query) const;
  std::vector<Candidate> candidates(const SearchQuery& query, const Target& target, SearchAnswer& answer) const;
  std::vector<Candidate> scan(const QueryCode& code, std::size_t keep, const RowTest& accept, const RowMask* mask,
                              std::size_t& compared) const;
  std::vector<SearchHit> ranked(const Target& target, const std::vector<Candidate>& found, std::size_t k) const;

  const std::filesystem::path folder_;
  const IndexOptions options_;

  // Always taken in this order.
  mutable FairSharedMutex writers_;  // shared: upsert, erase; alone: persist
  mutable FairSharedMutex readers_;  // shared: search; alone, for a moment: persist, to wait out older searches
  mutable std::mutex rows_mutex_;    // rows_ while growing, free_
  mutable std::mutex ids_mutex_;     // ids_, and the live bits' setting

  CodeTable codes_;
  AttributeTable attributes_;
  Graph graph_;
  std::optional<VectorFile> vectors_;
  IdTable ids_;
  std::atomic<std::uint32_t> rows_{0};  // ever used: one past the highest
  std::atomic<std::size_t> live_{0};
  std::atomic<std::size_t> centre_at_{next_centring(0)};  // live rows at which the codes get a better centre
  std::atomic<bool> erased_{false};                       // rows wait to be removed from the graph
  std::vector<std::uint32_t> free_;                       // wiped, and known as free to the file
  std::vector<std::uint32_t> removed_;                    // from the graph, but not yet known as free to the file
  std::atomic<std::uint64_t> position_{0};
  std::uint64_t generation_ = 0;  // what ties the two files together
};

}  // namespace chexworld
