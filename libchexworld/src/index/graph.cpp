// SPDX-License-Identifier: Apache-2.0
#include "index/graph.h"

#include "base/failure.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace chexworld {
namespace {

constexpr std::uint64_t kNoEntry = ~std::uint64_t{0};
constexpr unsigned kMostDegree = 256;
constexpr std::size_t kBottomEntries = 48;

/// The records that one walk has met; clearing costs what marking did.
class VisitedSet {
 public:
  void clear() {
    for (const std::uint32_t word : touched_) words_[word] = 0;
    touched_.clear();
  }
  /// True the first time.
  bool mark(std::uint32_t record) {
    const std::uint32_t word = record / 64;
    if (word >= words_.size()) words_.resize(std::max<std::size_t>(word + 1, words_.size() * 2));
    const std::uint64_t bit = std::uint64_t{1} << record % 64;
    if (words_[word] & bit) return false;
    if (words_[word] == 0) touched_.push_back(word);
    words_[word] |= bit;
    return true;
  }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> touched_;
};

bool better_on_top(const Candidate& a, const Candidate& b) { return b < a; }

std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ull;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ value >> 27) * 0x94D049BB133111EBull;
  return value ^ value >> 31;
}

/// Layers shrink by the factor `links` or more on the way up; a quarter each is room enough.
std::size_t most_records(unsigned level, std::size_t most_rows) { return (most_rows >> 2 * level) + 1024; }

}  // namespace

void Graph::Walk::offer(const Candidate& candidate) {
  best.push_back(candidate);
  std::push_heap(best.begin(), best.end());
  if (best.size() <= width) return;
  std::pop_heap(best.begin(), best.end());
  best.pop_back();
}

Graph::Graph(const CodeTable& codes, const GraphOptions& options, std::size_t most_rows)
    : codes_(codes),
      options_(options),
      records_(kUpperLayers + 1),
      free_records_(kUpperLayers + 1),
      removed_(kUpperLayers + 1),
      entry_(kNoEntry) {
  layers_.push_back(std::make_unique<GraphLayer>(0, options.links * 2, most_rows));
  for (unsigned level = 1; level <= kUpperLayers; ++level)
    layers_.push_back(std::make_unique<GraphLayer>(level, options.links, most_records(level, most_rows)));
}

unsigned Graph::level_of(std::uint32_t row) const {
  const double chance = double((mix(row ^ mix(options_.seed)) >> 11) + 1) * 0x1p-53;  // in (0, 1]
  const double level = -std::log(chance) / std::log(double(options_.links));
  return unsigned(std::min(level, double(kUpperLayers)));
}

std::uint32_t Graph::new_record(unsigned level) {
  const std::scoped_lock lock(records_mutex_);
  auto& free = free_records_[level];
  if (!free.empty()) {
    const std::uint32_t record = free.back();
    free.pop_back();
    return record;
  }
  Column& column = layers_[level]->column();
  if (records_[level] >= column.most_rows()) return kNone;
  column.grow(records_[level] + 1);
  return records_[level]++;
}

void Graph::note_row(std::uint32_t row) {
  const std::scoped_lock lock(records_mutex_);
  records_[0] = std::max(records_[0], row + 1);
}

std::vector<std::uint32_t> Graph::make_records(std::uint32_t row, unsigned& level) {
  std::vector<std::uint32_t> records{row};
  for (unsigned l = 1; l <= level; ++l) {
    const std::uint32_t record = new_record(l);
    if (record == kNone) break;
    layers_[l]->describe(record, row, records.back());
    records.push_back(record);
  }
  level = unsigned(records.size() - 1);
  return records;
}

Candidate Graph::climb(const GraphLayer& layer, const Query& query, Candidate from) const {
  for (bool moved = true; moved;) {
    moved = false;
    const std::uint32_t here = from.row;
    for (unsigned i = 0, count = layer.link_count(here); i < count; ++i) {
      const std::uint32_t record = layer.link(here, i);
      const Candidate other{similarity(query, layer.row_of(record)), record};
      if (!(other.similarity > from.similarity)) continue;
      from = other;
      moved = true;
    }
  }
  return from;
}

std::uint32_t Graph::descend(const Query& query, std::uint64_t entry, unsigned to_level) const {
  auto level = unsigned(entry >> 32);
  Candidate at{0, std::uint32_t(entry)};
  at.similarity = similarity(query, layers_[level]->row_of(at.row));
  for (; level > to_level; --level) {
    at = climb(*layers_[level], query, at);
    at.row = layers_[level]->below(at.row);
  }
  return at.row;
}

std::vector<std::uint32_t> Graph::below_all(unsigned level, const std::vector<Candidate>& found) const {
  std::vector<std::uint32_t> records;
  for (const Candidate& candidate : found) records.push_back(layers_[level]->below(candidate.row));
  return records;
}

// Radiographs come in clusters, and a single path down may end in the wrong one: the last layer above the bottom is
// walked with some width and all it finds are starting points.
std::vector<std::uint32_t> Graph::bottom_entries(const Query& query, std::uint64_t entry, std::size_t& visited) const {
  if (entry >> 32 == 0) return {std::uint32_t(entry)};
  Walk found{kBottomEntries};
  walk(*layers_[1], query, {descend(query, entry, 1)}, found);
  visited += found.visited;
  return below_all(1, found.best);
}

void Graph::walk(const GraphLayer& layer, const Query& query, const std::vector<std::uint32_t>& from,
                 Walk& walk) const {
  static thread_local VisitedSet visited;
  static thread_local std::vector<Candidate> frontier;  // a heap, the best on top
  visited.clear();
  frontier.clear();
  const auto meet = [&](std::uint32_t record) {
    const std::uint32_t row = layer.row_of(record);
    const Candidate candidate{similarity(query, row), record};
    ++walk.visited;
    if (!walk.wants(candidate.similarity)) return;
    frontier.push_back(candidate);
    std::push_heap(frontier.begin(), frontier.end(), better_on_top);
    if (walk.accept == nullptr || (*walk.accept)(row)) walk.offer(candidate);
  };
  for (const std::uint32_t record : from)
    if (visited.mark(record)) meet(record);
  std::array<std::uint32_t, kMostDegree> fresh;
  while (!frontier.empty()) {
    std::pop_heap(frontier.begin(), frontier.end(), better_on_top);
    const Candidate current = frontier.back();
    frontier.pop_back();
    if (!walk.wants(current.similarity)) return;
    if (walk.visited >= walk.most_visits) {
      walk.exhausted = true;
      return;
    }
    std::size_t count = 0;
    for (unsigned i = 0, links = layer.link_count(current.row); i < links; ++i) {
      const std::uint32_t record = layer.link(current.row, i);
      if (visited.mark(record)) fresh[count++] = record;
    }
    constexpr std::size_t kAhead = 3;  // rows on their way from memory while one is compared
    for (std::size_t i = 0; i < std::min(kAhead, count); ++i) codes_.prefetch(layer.row_of(fresh[i]));
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) codes_.prefetch(layer.row_of(fresh[i + kAhead]));
      meet(fresh[i]);
    }
    if (!frontier.empty()) layer.prefetch(frontier.front().row);
  }
}

Graph::Found Graph::search(const QueryCode& query, std::size_t width, const RowTest& accept,
                           std::size_t most_visits) const {
  const std::uint64_t entry = entry_.load(std::memory_order_acquire);
  if (entry == kNoEntry || width == 0) return {};
  const Query code = view_of(query);
  Walk found{width, &accept, most_visits};
  walk(*layers_[0], code, bottom_entries(code, entry, found.visited), found);
  std::sort(found.best.begin(), found.best.end());
  return {std::move(found.best), found.visited, found.exhausted};
}

void Graph::insert(std::uint32_t row) {
  note_row(row);
  unsigned level = level_of(row);
  const std::vector<std::uint32_t> records = make_records(row, level);
  const auto top_of = [](std::uint64_t entry) { return entry == kNoEntry ? -1 : int(entry >> 32); };

  std::unique_lock raising(entry_mutex_, std::defer_lock);
  std::uint64_t entry = entry_.load(std::memory_order_acquire);
  if (int(level) > top_of(entry)) {
    raising.lock();
    entry = entry_.load(std::memory_order_acquire);
    if (int(level) <= top_of(entry)) raising.unlock();
  }
  if (entry != kNoEntry) {
    const Query query = codes_.view(row);
    const unsigned start = std::min(level, unsigned(entry >> 32));
    std::size_t visited = 0;
    std::vector<std::uint32_t> from =
        start == 0 ? bottom_entries(query, entry, visited) : std::vector{descend(query, entry, start)};
    for (unsigned l = start;; --l) {
      Walk found{options_.build_width};
      walk(*layers_[l], query, from, found);
      std::sort(found.best.begin(), found.best.end());
      connect(*layers_[l], records[l], found.best);
      if (l == 0) break;
      from = below_all(l, found.best);
    }
  }
  if (raising.owns_lock()) entry_.store(std::uint64_t(level) << 32 | records[level], std::memory_order_release);
}

// Keeps a candidate only when it is nearer to the record than to any one already kept, so that links point in
// different directions (algorithm 4 of the paper).
std::vector<std::uint32_t> Graph::select(const GraphLayer& layer, const std::vector<Candidate>& sorted,
                                         std::size_t most) const {
  std::vector<std::uint32_t> kept;
  for (const Candidate& candidate : sorted) {
    if (kept.size() == most) break;
    const std::uint32_t row = layer.row_of(candidate.row);
    const bool diverse = std::none_of(kept.begin(), kept.end(), [&](std::uint32_t other) {
      return codes_.similarity(row, layer.row_of(other)) > candidate.similarity;
    });
    if (diverse) kept.push_back(candidate.row);
  }
  return kept;
}

std::vector<std::uint32_t> Graph::reselect(const GraphLayer& layer, std::uint32_t record,
                                           std::vector<std::uint32_t> others) const {
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  std::vector<Candidate> candidates;
  const std::uint32_t row = layer.row_of(record);
  for (const std::uint32_t other : others)
    if (other != record) candidates.push_back({codes_.similarity(row, layer.row_of(other)), other});
  std::sort(candidates.begin(), candidates.end());
  return select(layer, candidates, layer.degree());
}

void Graph::connect(GraphLayer& layer, std::uint32_t record, const std::vector<Candidate>& found) {
  std::vector<Candidate> others;
  std::copy_if(found.begin(), found.end(), std::back_inserter(others),
               [&](const Candidate& candidate) { return candidate.row != record; });
  const std::vector<std::uint32_t> chosen = select(layer, others, options_.links);
  for (const std::uint32_t other : chosen) add_link(layer, record, other);
  for (const std::uint32_t other : chosen) add_link(layer, other, record);
}

void Graph::add_link(GraphLayer& layer, std::uint32_t from, std::uint32_t to) {
  const std::scoped_lock lock(record_mutexes_.of(std::uint64_t(layer.level()) << 32 | from));
  std::vector<std::uint32_t> links;
  layer.links(from, links);
  if (std::find(links.begin(), links.end(), to) != links.end()) return;
  if (links.size() < layer.degree()) return layer.append_link(from, to);
  links.push_back(to);
  layer.set_links(from, reselect(layer, from, std::move(links)));
}

Graph::State Graph::state() const {
  const std::scoped_lock lock(records_mutex_);
  const std::uint64_t entry = entry_.load(std::memory_order_acquire);
  State state;
  if (entry != kNoEntry) {
    state.top = std::uint32_t(entry >> 32);
    state.entry = std::uint32_t(entry);
  }
  state.records.assign(records_.begin() + 1, records_.end());
  return state;
}

void Graph::restore(const State& state, std::size_t rows) {
  std::copy(state.records.begin(), state.records.end(), records_.begin() + 1);
  records_[0] = std::uint32_t(rows);
  for (unsigned level = 0; level <= kUpperLayers; ++level) {
    layers_[level]->check(records_[level], rows, level == 0 ? 0 : records_[level - 1]);
    for (std::uint32_t record = 0; level > 0 && record < records_[level]; ++record)
      if (layers_[level]->is_free(record)) free_records_[level].push_back(record);
  }
  if (state.entry == kNone) return;
  if (state.top > kUpperLayers || state.entry >= records_[state.top] ||
      (state.top > 0 && layers_[state.top]->is_free(state.entry)))
    fail(ErrorCode::kMalformed, "the graph has no valid entry");
  entry_.store(std::uint64_t(state.top) << 32 | state.entry, std::memory_order_release);
}

}  // namespace chexworld
