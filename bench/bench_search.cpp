// SPDX-License-Identifier: Apache-2.0
//
// Search among embeddings on one thread: ours against FAISS (exhaustive, HNSW) and hnswlib in single precision and
// pgvector in half precision, each graph at the least width that reaches the same recall.
//
// bench_search [--vectors N] [--queries Q] [--prepare 1] [--peers 0] [--json FILE]
// Vectors and indexes are kept below $CHEXWORLD_BENCH_CACHE (build/bench/search), so that only the first run builds
// them (1,000,000 vectors: hours, 18 GB); --prepare 1 does only that.
#include "base/config.h"
#include "base/failure.h"
#include "bench/search_sides.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace {

using namespace chexworld;
using bench::Better;
using bench::SearchData;

constexpr double kWantedRecall = 0.99;
constexpr int kRounds = 3;
constexpr std::size_t kSome = 300;  // queries per round
constexpr std::size_t kFew = 15;    // of exhaustive searches

std::size_t option(int argc, char** argv, const char* name, std::size_t fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return std::strtoull(argv[i + 1], nullptr, 10);
  return fallback;
}

/// Doubles the width until the recall is reached.
template <class Recall>
std::size_t width_for(const char* who, std::size_t most, const Recall& recall_at) {
  for (std::size_t width = 16;; width = std::min(2 * width, most)) {
    const double recall = recall_at(width);
    std::printf("%-12s width %5zu recall@10 %.4f\n", who, width, recall);
    std::fflush(stdout);
    if (recall >= kWantedRecall || width >= most) return width;
  }
}

class SearchBench {
 public:
  SearchBench(const SearchData& data, int argc, char** argv)
      : data_(data), before_bytes_(bench::resident_bytes()), ours_(data), report_("search", argc, argv) {
    describe();
    if (option(argc, argv, "--peers", 1) == 0) return;
    against_faiss();
    against_hnswlib();
    against_pgvector();
  }

 private:
  void describe() {
    // Before anything reads the vectors that were made, which are mapped too.
    ours_.seconds_per_query(data_.query_count(), 0, SearchMethod::kAuto);
    ours_.seconds_per_query(1, 0, SearchMethod::kScan);
    std::printf("bytes        %.1f by rows; %.1f resident per vector\n", ours_.row_bytes(),
                (bench::resident_bytes() - before_bytes_) / double(data_.count()));
    std::printf("opening      %.3f s\n\n", ours_.open_seconds());
    our_width_ = width_for("ours", 2048,
                           [&](std::size_t w) { return ours_.recall(data_.query_count(), w, SearchMethod::kGraph); });
    std::printf("as chosen    recall@10 %.4f, scan %.4f, 1 %% filter %.4f\n",
                ours_.recall(data_.query_count(), 0, SearchMethod::kAuto),
                ours_.recall(std::min<std::size_t>(100, data_.query_count()), 0, SearchMethod::kScan),
                ours_.filtered_recall(std::min<std::size_t>(100, data_.query_count())));
    std::printf("rows         %.0f compared per walk of that width, %.0f as chosen\n",
                ours_.compared_per_query(our_width_, SearchMethod::kGraph),
                ours_.compared_per_query(0, SearchMethod::kAuto));
    std::vector<double> each = ours_.seconds(3 * data_.query_count(), 0, SearchMethod::kAuto);
    std::sort(each.begin(), each.end());
    std::printf("ms           p50 %.3f, p99 %.3f, worst %.3f (as chosen, %zu queries)\n", 1e3 * each[each.size() / 2],
                1e3 * each[each.size() * 99 / 100], 1e3 * each.back(), each.size());
    add(
        "1 % filter",
        [&] { return ours_.seconds_per_query(kSome, 0, SearchMethod::kAuto, bench::Ours::one_percent()); }, chosen(),
        "ours, no filter");
    add("scan", [&] { return ours_.seconds_per_query(kFew, 0, SearchMethod::kScan); }, chosen(), "ours, as chosen");
  }

  std::function<double()> chosen() const {
    return [this] { return ours_.seconds_per_query(kSome, 0, SearchMethod::kAuto); };
  }
  std::function<double()> walk() const {
    return [this] { return ours_.seconds_per_query(kSome, our_width_, SearchMethod::kGraph); };
  }

  void add(const char* name, const std::function<double()>& ours, const std::function<double()>& peer,
           const char* peer_name) {
    report_.add(name, bench::in_turn(ours, peer, kRounds), peer_name, "s", Better::kLess);
  }

  /// Building takes the peers longer than a measurement should wait for.
  bool built(const char* name, const char* who) const {
    if (std::filesystem::exists(data_.folder() / name)) return true;
    std::printf("%-12s not measured: not built yet (--prepare 1)\n", who);
    return false;
  }

  std::string place() const { return data_.folder().string() + " " + std::to_string(data_.dimensions()); }

  void against_faiss() {
    bench::Peer faiss("search_faiss.py");
    const bool has_graph = built("faiss.hnsw", "FAISS HNSW");
    faiss.measure((has_graph ? "open " : "open-flat ") + place());
    add("as chosen", chosen(), [&] { return faiss.measure("flat " + std::to_string(kFew)); }, "FAISS exact f32");
    if (!has_graph) return;
    const std::size_t width =
        width_for("FAISS HNSW", 2048, [&](std::size_t w) { return faiss.measure("hnsw-recall " + std::to_string(w)); });
    const std::string request = "hnsw " + std::to_string(kSome) + " " + std::to_string(width);
    add("same recall", walk(), [&] { return faiss.measure(request); }, "FAISS HNSW f32");
    std::printf("FAISS HNSW   %.0f bytes resident per vector\n", faiss.measure("resident") / double(data_.count()));
  }

  void against_hnswlib() {
    if (!built("hnswlib.index", "hnswlib")) return;
    bench::Hnswlib hnswlib(data_);
    const std::size_t width = width_for("hnswlib", 2048, [&](std::size_t w) { return hnswlib.recall(w); });
    add("same recall", walk(), [&] { return hnswlib.seconds_per_query(kSome, width); }, "hnswlib f32");
  }

  void against_pgvector() {
    if (!built("postgres", "pgvector")) return;
    bench::Peer pgvector("search_pgvector.py");
    pgvector.measure("open " + place());
    const std::size_t width = width_for(
        "pgvector", 1000, [&](std::size_t w) { return pgvector.measure("hnsw-recall " + std::to_string(w)); });
    const std::string request = "hnsw " + std::to_string(kSome) + " " + std::to_string(width);
    add("same recall", walk(), [&] { return pgvector.measure(request); }, "pgvector HNSW halfvec");
    std::printf("pgvector     %.0f bytes on disk per vector\n", pgvector.measure("bytes") / double(data_.count()));
  }

  const SearchData& data_;
  const double before_bytes_;
  const bench::Ours ours_;
  bench::Report report_;
  std::size_t our_width_ = 0;
};

void prepare(const SearchData& data) {
  const std::string place = data.folder().string() + " " + std::to_string(data.dimensions());
  {
    const bench::Ours ours(data);
  }
  {
    const bench::Hnswlib hnswlib(data);
  }
  for (const char* script : {"search_faiss.py", "search_pgvector.py"}) {
    bench::Peer peer(script);
    peer.measure("open " + place);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const char* cache = std::getenv("CHEXWORLD_BENCH_CACHE");
    bench::SearchDataSize size;
    size.vectors = option(argc, argv, "--vectors", size.vectors);
    size.queries = option(argc, argv, "--queries", size.queries);
    const SearchData data(cache != nullptr ? cache : "build/bench/search", size);
    std::printf("%zu vectors of %zu dimensions in %s\n", data.count(), data.dimensions(), data.folder().c_str());
    if (option(argc, argv, "--prepare", 0) != 0)
      prepare(data);
    else
      SearchBench(data, argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_search: %s\n", error.what());
    return 1;
  }
}
