// SPDX-License-Identifier: Apache-2.0
#include "retrieval/follower.h"

#include "base/parallel.h"
#include "retrieval/row_attributes.h"

#include <algorithm>
#include <vector>

namespace chexworld {
namespace {

constexpr std::size_t kWorthAThread = 64;  // changes

void apply_one(VectorIndex& index, const Change& change) {
  if (!change.result) {
    index.erase(std::uint64_t(change.row));
    return;
  }
  const IndexRow row{std::uint64_t(change.row), change.result->result.embedding, row_attributes(*change.result)};
  if (!index.relabel(row)) index.upsert(row);
}

}  // namespace

std::shared_ptr<VectorIndex> IndexFollower::index_of(const ModelRecord& model) {
  IndexOptions wanted = options_.index;
  wanted.dimensions = model.embedding_size;
  wanted.findings = std::uint32_t(model.finding_labels.size());
  std::shared_ptr<VectorIndex> index = indexes_.begin(model.model_id, wanted);
  const IndexOptions& found = index->options();
  if (found.dimensions == wanted.dimensions && found.findings == wanted.findings) return index;
  index.reset();
  return indexes_.replace(model.model_id, wanted);  // of another store
}

// No row comes twice in a page, so the order within it does not matter.
void IndexFollower::apply(VectorIndex& index, const std::vector<Change>& changes) const {
  const auto threads = unsigned(std::min<std::size_t>(options_.threads, 1 + changes.size() / kWorthAThread));
  in_parallel(changes.size(), threads, [&](std::size_t i) { apply_one(index, changes[i]); });
}

std::uint64_t IndexFollower::follow(const ModelRecord& model) {
  const std::shared_ptr<VectorIndex> index = index_of(model);
  std::uint64_t applied = 0;
  for (;;) {
    const std::uint64_t position = index->position();
    const ChangePage page = store_.changes(model.model_id, position, options_.page);
    if (page.must_rebuild || page.last_sequence < position) return applied + fill_again(model);
    apply(*index, page.changes);
    applied += page.changes.size();
    if (page.changes.size() < options_.page) {
      index->set_position(page.last_sequence);
      return applied;
    }
    index->set_position(page.changes.back().sequence);
  }
}

std::uint64_t IndexFollower::fill_again(const ModelRecord& model) {
  const std::shared_ptr<VectorIndex> index = index_of(model);
  std::vector<std::uint64_t> held;
  std::uint64_t position = 0, applied = 0;
  for (;;) {
    const ChangePage page = store_.changes(model.model_id, position, options_.page);
    apply(*index, page.changes);
    applied += page.changes.size();
    for (const Change& change : page.changes)
      if (change.result) held.push_back(std::uint64_t(change.row));
    const bool last = page.changes.size() < options_.page;
    position = last ? page.last_sequence : page.changes.back().sequence;
    if (last) break;
  }
  // Rows of the store that were deleted meanwhile have come as deletions, after they were noted as held.
  std::sort(held.begin(), held.end());
  for (const std::uint64_t id : index->ids())
    if (!std::binary_search(held.begin(), held.end(), id)) index->erase(id);
  index->set_position(position);
  return applied;
}

}  // namespace chexworld
