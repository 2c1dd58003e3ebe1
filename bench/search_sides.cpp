// SPDX-License-Identifier: Apache-2.0
#include "bench/search_sides.h"

#include "bench/support/report.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <hnswlib/hnswlib.h>
#include <numeric>
#include <string>
#include <thread>
#include <unistd.h>

namespace chexworld::bench {
namespace fs = std::filesystem;
namespace {

void build_index(const SearchData& data, const fs::path& folder) {
  const fs::path partial = folder.string() + ".partial";
  fs::remove_all(partial);
  IndexOptions options;
  options.dimensions = std::uint32_t(data.dimensions());
  const auto index = VectorIndex::create(partial, options);
  const double took = seconds([&] {
    on_all_processors(data.count(), [&](std::size_t i) {
      RowAttributes attributes;
      attributes.institution = i % Ours::kFilterStep == 0 ? 1 : 2;
      index->upsert({i, data.row(i), attributes});
    });
  });
  index->persist();
  std::fprintf(stderr, "bench_search: ours built in %.0f s\n", took);
  fs::rename(partial, folder);
}

std::vector<std::uint64_t> ids_of(const SearchAnswer& answer) {
  std::vector<std::uint64_t> ids;
  for (const SearchHit& hit : answer.hits) ids.push_back(hit.id);
  return ids;
}

}  // namespace

void on_all_processors(std::size_t count, const std::function<void(std::size_t)>& action) {
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < count; at = next++) {
        if (count >= 20 && at % (count / 20) == 0) std::fprintf(stderr, "  %zu of %zu\n", at, count);
        action(at);
      }
    });
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * double(sysconf(_SC_PAGESIZE));
}

Ours::Ours(const SearchData& data) : data_(data) {
  const fs::path folder = data.folder() / "index";
  if (!fs::exists(folder)) build_index(data, folder);
  open_seconds_ = bench::seconds([&] { index_ = VectorIndex::open(folder); });
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

struct Hnswlib::Parts {
  hnswlib::InnerProductSpace space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;
};

Hnswlib::Hnswlib(const SearchData& data) : data_(data), parts_(new Parts{{data.dimensions()}, {}}) {
  const fs::path file = data.folder() / "hnswlib.index";
  if (!fs::exists(file)) {
    hnswlib::HierarchicalNSW<float> index(&parts_->space, data.count(), 16, 200);
    on_all_processors(data.count(), [&](std::size_t i) { index.addPoint(data.row(i).data(), i); });
    index.saveIndex(file.string() + ".partial");
    fs::rename(file.string() + ".partial", file);
  }
  parts_->index = std::make_unique<hnswlib::HierarchicalNSW<float>>(&parts_->space, file.string());
}

Hnswlib::~Hnswlib() = default;

double Hnswlib::recall(std::size_t width) {
  parts_->index->setEf(width);
  double sum = 0;
  for (std::size_t i = 0; i < data_.query_count(); ++i) {
    std::vector<std::uint64_t> ids;
    for (auto found = parts_->index->searchKnn(data_.query(i).data(), 10); !found.empty(); found.pop())
      ids.push_back(found.top().second);
    sum += bench::recall(data_.truth(i), ids);
  }
  return sum / double(data_.query_count());
}

double Hnswlib::seconds_per_query(std::size_t queries, std::size_t width) {
  parts_->index->setEf(width);
  return bench::seconds([&] {
           for (std::size_t i = 0; i < queries; ++i)
             parts_->index->searchKnn(data_.query(i % data_.query_count()).data(), 10);
         }) /
         double(queries);
}

}  // namespace chexworld::bench
