// SPDX-License-Identifier: Apache-2.0
//
// Search among embeddings on one thread: ours against FAISS (exhaustive, HNSW) and hnswlib in single precision, each
// graph at the least width that reaches the same recall.
#include "base/failure.h"
#include "bench/search_data.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"
#include "index/index.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <hnswlib/hnswlib.h>
#include <string>

namespace {

using namespace chexworld;
using bench::SearchData;

constexpr double kWantedRecall = 0.99;
constexpr int kRounds = 3;

std::size_t option(int argc, char** argv, const char* name, std::size_t fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return std::strtoull(argv[i + 1], nullptr, 10);
  return fallback;
}

/// Doubles the width until the recall is reached.
template <class Recall>
std::size_t width_for(const char* who, const Recall& recall_at) {
  for (std::size_t width = 16;; width *= 2) {
    const double recall = recall_at(width);
    std::printf("%-10s width %5zu recall@10 %.4f\n", who, width, recall);
    if (recall >= kWantedRecall || width >= 2048) return width;
  }
}

class Ours {
 public:
  Ours(const SearchData& data, const std::filesystem::path& folder) : data_(data) {
    IndexOptions options;
    options.dimensions = std::uint32_t(data.dimensions);
    index_ = VectorIndex::create(folder, options);
    for (std::size_t i = 0; i < data.count(); ++i) index_->upsert({i, data.row(i), attributes(i)});
    index_->persist();
  }

  /// Institution 1 is one row in a hundred.
  static RowAttributes attributes(std::size_t i) {
    RowAttributes row;
    row.institution = i % 100 == 0 ? 1 : 2;
    return row;
  }

  SearchQuery query(std::size_t i, std::size_t width, SearchMethod method) const {
    SearchQuery query;
    query.positive = {{data_.query(i).begin(), data_.query(i).end()}};
    query.width = width;
    query.method = method;
    return query;
  }

  double recall(std::size_t width, SearchMethod method) const {
    double sum = 0;
    for (std::size_t i = 0; i < data_.query_count(); ++i) {
      std::vector<std::uint64_t> ids;
      for (const SearchHit& hit : index_->search(query(i, width, method)).hits) ids.push_back(hit.id);
      sum += bench::recall_at_10(data_, i, ids);
    }
    return sum / double(data_.query_count());
  }

  double seconds_per_query(std::size_t width, SearchMethod method, const SearchFilter& filter = {}) const {
    return bench::seconds([&] {
             for (std::size_t i = 0; i < data_.query_count(); ++i) {
               SearchQuery one = query(i, width, method);
               one.filter = filter;
               index_->search(one);
             }
           }) /
           double(data_.query_count());
  }

  double compared_per_query(std::size_t width) const {
    double sum = 0;
    for (std::size_t i = 0; i < data_.query_count(); ++i)
      sum += double(index_->search(query(i, width, SearchMethod::kGraph)).compared);
    return sum / double(data_.query_count());
  }

  double bytes_per_row() const { return double(index_->memory().total_bytes()) / double(data_.count()); }

 private:
  const SearchData& data_;
  std::unique_ptr<VectorIndex> index_;
};

class Hnswlib {
 public:
  explicit Hnswlib(const SearchData& data)
      : data_(data), space_(data.dimensions), index_(&space_, data.count(), 16, 200) {
    for (std::size_t i = 0; i < data.count(); ++i) index_.addPoint(data.row(i).data(), i);
  }

  double recall(std::size_t width) {
    index_.setEf(width);
    double sum = 0;
    for (std::size_t i = 0; i < data_.query_count(); ++i) {
      std::vector<std::uint64_t> ids;
      for (auto found = index_.searchKnn(data_.query(i).data(), 10); !found.empty(); found.pop())
        ids.push_back(found.top().second);
      sum += bench::recall_at_10(data_, i, ids);
    }
    return sum / double(data_.query_count());
  }

  double seconds_per_query(std::size_t width) {
    index_.setEf(width);
    return bench::seconds([&] {
             for (std::size_t i = 0; i < data_.query_count(); ++i) index_.searchKnn(data_.query(i).data(), 10);
           }) /
           double(data_.query_count());
  }

 private:
  const SearchData& data_;
  hnswlib::InnerProductSpace space_;
  hnswlib::HierarchicalNSW<float> index_;
};

void compare(const SearchData& data, const std::filesystem::path& folder, int argc, char** argv) {
  const Ours ours(data, folder / "index");
  Hnswlib hnswlib(data);
  bench::write_search_data(data, folder);
  bench::Peer faiss("search_faiss.py");
  faiss.measure("load " + folder.string() + " " + std::to_string(data.dimensions));
  const std::size_t our_width = width_for("ours", [&](std::size_t w) { return ours.recall(w, SearchMethod::kGraph); });
  const std::size_t their_width = width_for("hnswlib", [&](std::size_t w) { return hnswlib.recall(w); });
  const std::size_t faiss_width =
      width_for("FAISS HNSW", [&](std::size_t w) { return faiss.measure("hnsw-recall " + std::to_string(w)); });
  std::printf("ours: %.1f bytes per row, %.0f rows compared per walk, scan recall@10 %.4f\n", ours.bytes_per_row(),
              ours.compared_per_query(our_width), ours.recall(0, SearchMethod::kScan));

  bench::Report report("search", argc, argv);
  const auto add = [&](const char* name, const auto& our_side, const auto& peer, const char* peer_name) {
    report.add(name, bench::in_turn(our_side, peer, kRounds), peer_name, "s", bench::Better::kLess);
  };
  const auto walk = [&] { return ours.seconds_per_query(our_width, SearchMethod::kGraph); };
  const auto scan = [&] { return ours.seconds_per_query(0, SearchMethod::kScan); };
  SearchFilter one_percent;
  one_percent.institutions = {1};
  const auto filtered = [&] { return ours.seconds_per_query(our_width, SearchMethod::kAuto, one_percent); };
  add("graph", walk, [&] { return faiss.measure("flat"); }, "FAISS exact f32");
  add("scan", scan, [&] { return faiss.measure("flat"); }, "FAISS exact f32");
  add("graph", walk, [&] { return hnswlib.seconds_per_query(their_width); }, "hnswlib f32");
  add("graph", walk, [&] { return faiss.measure("hnsw " + std::to_string(faiss_width)); }, "FAISS HNSW f32");
  add("1 % filter", filtered, walk, "ours, graph without filter");
}

}  // namespace

int main(int argc, char** argv) {
  const SearchData data =
      bench::make_search_data(option(argc, argv, "--vectors", 10'000), option(argc, argv, "--queries", 200), 768, 1);
  std::string pattern = (std::filesystem::temp_directory_path() / "bench-search-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return std::perror("bench_search: temporary folder"), 1;
  int status = 0;
  try {
    compare(data, pattern, argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_search: %s\n", error.what());
    status = 1;
  }
  std::filesystem::remove_all(pattern);
  return status;
}
