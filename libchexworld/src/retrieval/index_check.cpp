// SPDX-License-Identifier: Apache-2.0
#include "retrieval/index_check.h"

#include "retrieval/row_attributes.h"

#include <algorithm>
#include <iterator>

namespace chexworld {
namespace {

constexpr std::uint32_t kPage = 500;

/// What the index should keep of it: probabilities are kept in steps.
bool same_but_findings(RowAttributes a, RowAttributes b) {
  a.findings.clear();
  b.findings.clear();
  return a == b;
}

struct Comparison {
  std::vector<std::uint64_t> held;  ///< by the store
  std::size_t differing = 0;
};

Comparison compare_rows(Store& store, const std::string& model_id, const VectorIndex& index) {
  Comparison found;
  for (std::uint64_t position = 0;;) {
    const ChangePage page = store.changes(model_id, position, kPage);
    if (page.changes.empty()) break;
    position = page.changes.back().sequence;
    for (const Change& change : page.changes) {
      if (!change.result) continue;
      const auto id = std::uint64_t(change.row);
      found.held.push_back(id);
      const auto kept = index.attributes(id);
      found.differing += kept && !same_but_findings(*kept, row_attributes(*change.result)) ? 1 : 0;
    }
  }
  std::sort(found.held.begin(), found.held.end());
  return found;
}

std::size_t only_in_first(const std::vector<std::uint64_t>& first, const std::vector<std::uint64_t>& second) {
  std::vector<std::uint64_t> rest;
  std::set_difference(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(rest));
  return rest.size();
}

}  // namespace

std::vector<std::string> index_contradictions(Store& store, const IndexSet& indexes) {
  std::vector<std::string> found;
  for (const ModelState& state : store.models()) {
    const std::string name = "the index of model " + state.model.model_id;
    const auto complain = [&](std::size_t count, const char* what) {
      if (count > 0) found.push_back(name + ": " + std::to_string(count) + " " + what);
    };
    const auto index = indexes.find(state.model.model_id);
    if (!index) {
      found.push_back(name + " is missing or damaged");
      continue;
    }
    if (index->position() != state.last_sequence)
      found.push_back(name + " followed up to change " + std::to_string(index->position()) + " of " +
                      std::to_string(state.last_sequence));
    const Comparison comparison = compare_rows(store, state.model.model_id, *index);
    const std::vector<std::uint64_t> ids = index->ids();
    complain(only_in_first(comparison.held, ids), "results of the store are not in it");
    complain(only_in_first(ids, comparison.held), "of its rows are not in the store");
    complain(comparison.differing, "of its rows have other attributes than the store");
  }
  return found;
}

}  // namespace chexworld
