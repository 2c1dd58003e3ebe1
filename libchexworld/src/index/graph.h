// SPDX-License-Identifier: Apache-2.0
//
// Hierarchical navigable small-world graph (Malkov and Yashunin, IEEE TPAMI 42(4), 2020) over 8-bit codes.
#pragma once

#include "index/graph_layer.h"
#include "index/locks.h"
#include "index/quantise.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace chexworld {

/// A row and how similar it is to what is looked for.
struct Candidate {
  float similarity;
  std::uint32_t row;

  /// More similar first, then the lower row.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.row < b.row;
  }
};

/// Which rows a search may return; it may walk over all of them.
using RowTest = std::function<bool(std::uint32_t)>;

struct GraphOptions {
  unsigned links = 16;         ///< per record above the bottom, twice as many at the bottom (M in the paper)
  unsigned build_width = 200;  ///< candidates considered when a row is linked (efConstruction)
  std::uint64_t seed = 0;      ///< of the layers that rows reach
};

/// Thread safety: insert() and search() from any number of threads at once; remove() may run beside search() but not
/// beside insert() or another remove(). A row must have its code in the table before insert().
class Graph {
 public:
  static constexpr unsigned kUpperLayers = 8;
  static constexpr std::uint32_t kNone = 0xffffffffu;

  Graph(const CodeTable& codes, const GraphOptions& options, std::size_t most_rows);

  void insert(std::uint32_t row);

  struct Found {
    std::vector<Candidate> rows;  ///< best first, at most `width`
    std::size_t visited = 0;      ///< rows compared with the query
    bool exhausted = false;       ///< stopped because `most_visits` were made
  };
  /// The `width` (ef) most similar acceptable rows that a walk comes upon.
  Found search(const QueryCode& query, std::size_t width, const RowTest& accept, std::size_t most_visits) const;

  /// Takes rows out (`gone` must hold for them and for all rows that were never linked): those who linked to them are
  /// linked to their neighbours instead. Afterwards no new search meets them; one that is under way still may.
  void remove(const RowTest& gone);
  /// Makes the places of removed rows usable again; only when no search that began before remove() is under way.
  void reclaim();

  /// What a file holds besides the columns.
  struct State {
    std::uint32_t top = 0;        ///< highest layer in use, 0 is the bottom
    std::uint32_t entry = kNone;  ///< record of that layer where searches start; kNone: empty
    std::vector<std::uint32_t> records = std::vector<std::uint32_t>(kUpperLayers);  ///< of the layers above the bottom
  };
  State state() const;
  /// Takes up what was mapped into the columns. Throws Failure(kMalformed) when it does not hang together.
  void restore(const State& state, std::size_t rows);

  /// Layer 0 is the bottom. Its column must be grown by the caller before insert(); the others grow by themselves.
  GraphLayer& layer(unsigned level) { return *layers_[level]; }
  const GraphLayer& layer(unsigned level) const { return *layers_[level]; }

 private:
  using Query = CodeView;
  struct Walk {
    std::size_t width;
    const RowTest* accept = nullptr;
    std::size_t most_visits = ~std::size_t{0};
    std::vector<Candidate> best = {};  // a heap, the worst on top; `row` is the layer's record
    std::size_t visited = 0;
    bool exhausted = false;

    float worst() const { return best.front().similarity; }
    bool wants(float similarity) const { return best.size() < width || similarity > worst(); }
    void offer(const Candidate& candidate);
  };

  float similarity(const Query& query, std::uint32_t row) const { return codes_.similarity(query, row); }
  unsigned level_of(std::uint32_t row) const;
  void note_row(std::uint32_t row);
  std::vector<std::uint32_t> make_records(std::uint32_t row, unsigned& level);
  std::uint32_t new_record(unsigned level);
  Candidate climb(const GraphLayer& layer, const Query& query, Candidate from) const;
  std::uint32_t descend(const Query& query, std::uint64_t entry, unsigned to_level) const;
  std::vector<std::uint32_t> bottom_entries(const Query& query, std::uint64_t entry, std::size_t& visited) const;
  std::vector<std::uint32_t> below_all(unsigned level, const std::vector<Candidate>& found) const;
  void walk(const GraphLayer& layer, const Query& query, const std::vector<std::uint32_t>& from, Walk& walk) const;
  std::vector<std::uint32_t> select(const GraphLayer& layer, const std::vector<Candidate>& sorted,
                                    std::size_t most) const;
  std::vector<std::uint32_t> reselect(const GraphLayer& layer, std::uint32_t record,
                                      std::vector<std::uint32_t> others) const;
  void connect(GraphLayer& layer, std::uint32_t record, const std::vector<Candidate>& found);
  void add_link(GraphLayer& layer, std::uint32_t from, std::uint32_t to);
  std::uint32_t record_count(unsigned level) const;
  void unlink_layer(unsigned level, const RowTest& gone);
  std::vector<std::uint32_t> survivors(const GraphLayer& layer, std::uint32_t record, const RowTest& gone) const;
  void choose_entry(const RowTest& gone);

  const CodeTable& codes_;
  const GraphOptions options_;
  std::vector<std::unique_ptr<GraphLayer>> layers_;
  std::vector<std::uint32_t> records_;                    // per level, guarded by records_mutex_
  std::vector<std::vector<std::uint32_t>> free_records_;  // per level, guarded by records_mutex_
  std::vector<std::vector<std::uint32_t>> removed_;       // per level, between remove() and reclaim()
  mutable std::mutex records_mutex_;
  std::atomic<std::uint64_t> entry_;  // level << 32 | record
  std::mutex entry_mutex_;            // held by whoever may raise the entry
  StripedMutex record_mutexes_;
};

}  // namespace chexworld
