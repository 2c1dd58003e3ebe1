// SPDX-License-Identifier: Apache-2.0
#include "index/graph_layer.h"

#include "base/failure.h"

#include <string>

namespace chexworld {

GraphLayer::GraphLayer(unsigned level, unsigned degree, std::size_t most_records)
    : level_(level),
      header_(level > 0 ? 2 : 0),
      degree_(degree),
      words_(header_ + 1 + degree),
      column_(words_ * sizeof(std::uint32_t), most_records) {}

void GraphLayer::describe(std::uint32_t record, std::uint32_t row, std::uint32_t below) {
  store(record, 0, row);
  store(record, 1, below);
  store(record, header_, 0);
}

void GraphLayer::links(std::uint32_t record, std::vector<std::uint32_t>& into) const {
  into.clear();
  for (unsigned i = 0, count = link_count(record); i < count; ++i) into.push_back(link(record, i));
}

void GraphLayer::append_link(std::uint32_t record, std::uint32_t target) {
  const unsigned count = link_count(record);
  store(record, header_ + 1 + count, target);
  store(record, header_, count + 1);
}

void GraphLayer::set_links(std::uint32_t record, std::span<const std::uint32_t> targets) {
  for (unsigned i = 0; i < targets.size(); ++i) store(record, header_ + 1 + i, targets[i]);
  store(record, header_, std::uint32_t(targets.size()));
}

void GraphLayer::check(std::size_t records, std::size_t rows, std::size_t records_below) const {
  const auto refuse = [](std::uint32_t record) {
    fail(ErrorCode::kMalformed, "record " + std::to_string(record) + " of the graph leads nowhere");
  };
  for (std::uint32_t record = 0; record < records; ++record) {
    const std::uint32_t count = load(record, header_);
    if (count > degree_) refuse(record);
    for (unsigned i = 0; i < count; ++i)
      if (link(record, i) >= records || (header_ != 0 && is_free(link(record, i)))) refuse(record);
    if (header_ == 0) continue;
    if (row_of(record) >= rows || (!is_free(record) && below(record) >= records_below)) refuse(record);
    if (is_free(record) && count != 0) refuse(record);
  }
}

}  // namespace chexworld
