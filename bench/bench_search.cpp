// SPDX-License-Identifier: Apache-2.0
//
// Search among embeddings on one thread: ours against FAISS (exhaustive, HNSW) and hnswlib in single precision and
// pgvector in half precision, each graph at the least width that reaches the same recall.
//
// bench_search [--vectors N] [--queries Q] [--fitted 1] [--peers 0] [--json FILE]
// bench_search --prepare all|ours|hnswlib|faiss|pgvector [--threads T] [--vectors N]
//
// Vectors and indexes are kept below $CHEXWORLD_BENCH_CACHE/search (build/bench/search without it). --prepare builds
// the index named where it is missing and does nothing else; interrupted, it goes on where it was (pgvector begins
// again). A run without it builds ours where it is missing and measures the peers that have been prepared. 1,000,000
// vectors: about an hour of processor time, 18 GB.
#include "base/config.h"
#include "base/failure.h"
#include "bench/search_build.h"
#include "bench/search_sides.h"
#include "bench/support/peer.h"
#include "bench/support/report.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

using namespace chexworld;
using bench::Better;
using bench::SearchData;

constexpr double kWantedRecall = 0.99;
constexpr int kRounds = 3;
constexpr std::size_t kSome = 300;  // queries per round
constexpr std::size_t kFew = 15;    // of exhaustive searches
constexpr const char* kFaissFile = "faiss.hnsw";
constexpr const char* kPostgresFolder = "postgres";

std::size_t option(int argc, char** argv, const char* name, std::size_t fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return std::strtoull(argv[i + 1], nullptr, 10);
  return fallback;
}

std::string word(int argc, char** argv, const char* name) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return argv[i + 1];
  return "";
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
    for (const char* file : {bench::Ours::kFile, bench::Hnswlib::kFile, kFaissFile, kPostgresFolder}) print_cost(file);
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

  void print_cost(const char* file) const {
    const bench::BuildCost cost = bench::read_cost(data_.folder() / file);
    if (cost.rows == data_.count()) std::printf("%-14s built in %.0f processor seconds\n", file, cost.cpu_seconds);
  }

  /// Building takes the peers longer than a measurement should wait for.
  bool built(const char* name, const char* who) const {
    if (std::filesystem::exists(data_.folder() / name)) return true;
    std::printf("%-12s not measured: not built yet (--prepare)\n", who);
    return false;
  }

  std::string place() const { return data_.folder().string() + " " + std::to_string(data_.dimensions()); }

  void against_faiss() {
    bench::Peer faiss("search_faiss.py");
    const bool has_graph = built(kFaissFile, "FAISS HNSW");
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
    if (!built(bench::Hnswlib::kFile, "hnswlib")) return;
    bench::Hnswlib hnswlib(data_);
    const std::size_t width = width_for("hnswlib", 2048, [&](std::size_t w) { return hnswlib.recall(w); });
    add("same recall", walk(), [&] { return hnswlib.seconds_per_query(kSome, width); }, "hnswlib f32");
  }

  void against_pgvector() {
    if (!built(kPostgresFolder, "pgvector")) return;
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

void prepare_peer(const SearchData& data, const char* script, const char* file, unsigned threads) {
  if (std::filesystem::exists(data.folder() / file)) return;
  bench::Peer(script).measure("build " + data.folder().string() + " " + std::to_string(data.dimensions()) + " " +
                              std::to_string(threads));
}

/// Cheapest first: an interruption costs the last.
void prepare(const SearchData& data, const std::string& what, unsigned threads) {
  const auto wanted = [&](const char* name) { return what == "all" || what == name; };
  if (wanted("ours") && !std::filesystem::exists(data.folder() / bench::Ours::kFile)) bench::Ours::build(data, threads);
  if (wanted("hnswlib") && !std::filesystem::exists(data.folder() / bench::Hnswlib::kFile))
    bench::Hnswlib::build(data, threads);
  if (wanted("faiss")) prepare_peer(data, "search_faiss.py", kFaissFile, threads);
  if (wanted("pgvector")) prepare_peer(data, "search_pgvector.py", kPostgresFolder, threads);
}

std::filesystem::path cache_folder() {
  const char* cache = std::getenv("CHEXWORLD_BENCH_CACHE");
  return cache != nullptr ? std::filesystem::path(cache) / "search" : "build/bench/search";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string what = word(argc, argv, "--prepare");
    if (!what.empty() && what != "all" && what != "ours" && what != "hnswlib" && what != "faiss" && what != "pgvector")
      fail(ErrorCode::kInvalidArgument, "--prepare takes all, ours, hnswlib, faiss or pgvector, not '" + what + "'");
    bench::SearchDataSize size;
    size.vectors = option(argc, argv, "--vectors", size.vectors);
    size.queries = option(argc, argv, "--queries", size.queries);
    size.fitted = option(argc, argv, "--fitted", 0) != 0;
    const SearchData data(cache_folder(), size);
    std::printf("%zu vectors of %zu dimensions in %s\n", data.count(), data.dimensions(), data.folder().c_str());
    const auto threads = unsigned(option(argc, argv, "--threads", std::thread::hardware_concurrency()));
    prepare(data, what.empty() ? "ours" : what, threads);
    if (what.empty()) SearchBench(data, argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_search: %s\n", error.what());
    return 1;
  }
}
