// SPDX-License-Identifier: Apache-2.0
//
// hnswlib in this process. Compiled for the processor at hand, as its users do: that chooses its AVX code.
#include "bench/search_build.h"
#include "bench/search_sides.h"
#include "bench/support/report.h"

#include <hnswlib/hnswlib.h>
#include <memory>
#include <string>

namespace chexworld::bench {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLinks = 16, kBuildWidth = 200;  // M and ef_construction of its README

}  // namespace

struct Hnswlib::Parts {
  hnswlib::InnerProductSpace space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;
};

void Hnswlib::build(const SearchData& data, unsigned threads) {
  const BuildPlan plan{"hnswlib", data.folder() / kFile, data.count(), threads};
  const std::string partial = plan.file.string() + ".partial", writing = plan.file.string() + ".writing";
  hnswlib::InnerProductSpace space(data.dimensions());
  const bool begun = fs::exists(partial);
  hnswlib::HierarchicalNSW<float> index =
      begun ? hnswlib::HierarchicalNSW<float>(&space, partial, false, data.count())
            : hnswlib::HierarchicalNSW<float>(&space, data.count(), kLinks, kBuildWidth);
  build_by_chunks(
      plan, index.getCurrentElementCount(), [&](std::size_t i) { index.addPoint(data.row(i).data(), i); },
      [&] {
        index.saveIndex(writing);
        fs::rename(writing, partial);
      });
}

Hnswlib::Hnswlib(const SearchData& data) : data_(data), parts_(new Parts{{data.dimensions()}, {}}) {
  parts_->index = std::make_unique<hnswlib::HierarchicalNSW<float>>(&parts_->space, (data.folder() / kFile).string());
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
