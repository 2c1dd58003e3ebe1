// SPDX-License-Identifier: Apache-2.0
#include "bench/search_sides.h"

#include "bench/search_build.h"
#include "bench/support/report.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <unistd.h>

namespace chexworld::bench {
namespace fs = std::filesystem;
namespace {

std::vector<std::uint64_t> ids_of(const SearchAnswer& answer) {
  std::vector<std::uint64_t> ids;
  for (const SearchHit& hit : answer.hits) ids.push_back(hit.id);
  return ids;
}

}  // namespace

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * double(sysconf(_SC_PAGESIZE));
}

void Ours::build(const SearchData& data, unsigned threads) {
  const BuildPlan plan{"ours", data.folder() / kFile, data.count(), threads};
  const fs::path partial = plan.file.string() + ".partial";
  IndexOptions options;
  options.dimensions = std::uint32_t(data.dimensions());
  const auto index = fs::exists(partial) ? VectorIndex::open(partial) : VectorIndex::create(partial, options);
  if (index->size() == 0) index->persist();
  build_by_chunks(
      plan, index->size(),
      [&](std::size_t i) {
        RowAttributes attributes;
        attributes.institution = i % kFilterStep == 0 ? 1 : 2;
        index->upsert({i, data.row(i), attributes});
      },
      [&] { index->persist(); });
}

Ours::Ours(const SearchData& data) : data_(data) {
  open_seconds_ = bench::seconds([&] { index_ = VectorIndex::open(data.folder() / kFile); });
}

SearchFilter Ours::one_percent() {
  SearchFilter filter;
  filter.institutions = {1};
  return filter;
}

SearchAnswer Ours::search(std::size_t query, std::size_t width, SearchMethod method, const SearchFilter& filter) const {
  SearchQuery asked;
  asked.positive = {{data_.query(query).begin(), data_.query(query).end()}};
  asked.width = width;
  asked.method = method;
  asked.filter = filter;
  return index_->search(asked);
}

double Ours::recall(std::size_t queries, std::size_t width, SearchMethod method) const {
  double sum = 0;
  for (std::size_t i = 0; i < queries; ++i) sum += bench::recall(data_.truth(i), ids_of(search(i, width, method)));
  return sum / double(queries);
}

double Ours::filtered_recall(std::size_t queries) const {
  double sum = 0;
  for (std::size_t i = 0; i < queries; ++i)
    sum += bench::recall(nearest_of_every(data_, i, kFilterStep),
                         ids_of(search(i, 0, SearchMethod::kAuto, one_percent())));
  return sum / double(queries);
}

double Ours::compared_per_query(std::size_t width, SearchMethod method) const {
  double sum = 0;
  for (std::size_t i = 0; i < data_.query_count(); ++i) sum += double(search(i, width, method).compared);
  return sum / double(data_.query_count());
}

std::vector<double> Ours::seconds(std::size_t queries, std::size_t width, SearchMethod method,
                                  const SearchFilter& filter) const {
  std::vector<double> all;
  for (std::size_t i = 0; i < queries; ++i)
    all.push_back(bench::seconds([&] { search(i % data_.query_count(), width, method, filter); }));
  return all;
}

double Ours::seconds_per_query(std::size_t queries, std::size_t width, SearchMethod method,
                               const SearchFilter& filter) const {
  const std::vector<double> all = seconds(queries, width, method, filter);
  return std::accumulate(all.begin(), all.end(), 0.0) / double(queries);
}

}  // namespace chexworld::bench
