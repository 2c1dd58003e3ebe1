// SPDX-License-Identifier: Apache-2.0
#include "bench/search_data.h"

#include "base/failure.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace chexworld::bench {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kNearest = 10;

void run(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::fprintf(stderr, "bench_search: running %s (first run only)\n", command[0].c_str());
  pid_t child = 0;
  int status = -1;
  if (posix_spawnp(&child, words[0], nullptr, nullptr, words.data(), environ) != 0 ||
      waitpid(child, &status, 0) != child || status != 0)
    fail(ErrorCode::kUnavailable, command[0] + " failed");
}

/// f32[N, D] of real films.
fs::path film_embeddings(const fs::path& cache) {
  if (const char* given = std::getenv("CHEXWORLD_BENCH_EMBEDDINGS")) return given;
  const fs::path known = cache / "films.f32",
                 program = fs::read_symlink("/proc/self/exe").parent_path() / "embed_films";
  const char* data = std::getenv("CHEXWORLD_DATA_DIR");
  const fs::path films = fs::path(data != nullptr ? data : CHEXWORLD_BENCH_DATA) / "cxr" / "images";
  if (fs::exists(known)) return known;
  if (!fs::exists(films) || !fs::exists(program))
    fail(ErrorCode::kNotFound, "fitting needs the films in " + films.string() + " (CHEXWORLD_DATA_DIR) and " +
                                   program.string() +
                                   " (./dev build release embed_films), or their embeddings "
                                   "(CHEXWORLD_BENCH_EMBEDDINGS)");
  run({program, films, known});
  return known;
}

fs::path made(const fs::path& cache, const SearchDataSize& size) {
  fs::create_directories(cache);
  const fs::path embeddings = size.fitted ? film_embeddings(cache) : fs::path();
  const fs::path folder = cache / (std::to_string(size.vectors) + "x" + std::to_string(size.dimensions) +
                                   (embeddings.empty() ? "" : "-fitted"));
  if (fs::exists(folder / "facts.json")) return folder;
  fs::create_directories(folder);
  std::vector<std::string> command{"python3",
                                   CHEXWORLD_PEERS "/search_vectors.py",
                                   folder,
                                   std::to_string(size.vectors),
                                   std::to_string(size.queries),
                                   std::to_string(size.dimensions),
                                   "1"};
  if (!embeddings.empty()) command.push_back(embeddings);
  run(command);
  return folder;
}

float product(std::span<const float> a, std::span<const float> b) {
  float lanes[16] = {};
  for (std::size_t i = 0; i < a.size(); ++i) lanes[i % 16] += a[i] * b[i];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

}  // namespace

SearchData::SearchData(const fs::path& cache, const SearchDataSize& size)
    : size_(size),
      folder_(made(cache, size)),
      base_(folder_ / "base.f32"),
      queries_(folder_ / "queries.f32"),
      truth_(folder_ / "truth.u32") {
  size_.queries = truth_.bytes().size() / (kNearest * sizeof(std::uint32_t));
}

std::span<const float> SearchData::vector(const MappedFile& file, std::size_t i) const {
  return {reinterpret_cast<const float*>(file.bytes().data()) + i * size_.dimensions, size_.dimensions};
}

std::span<const std::uint32_t> SearchData::truth(std::size_t query) const {
  return {reinterpret_cast<const std::uint32_t*>(truth_.bytes().data()) + query * kNearest, kNearest};
}

double recall(std::span<const std::uint32_t> nearest, std::span<const std::uint64_t> ids) {
  const auto found = std::count_if(nearest.begin(), nearest.end(), [&](std::uint32_t id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  });
  return double(found) / double(nearest.size());
}

std::vector<std::uint32_t> nearest_of_every(const SearchData& data, std::size_t query, std::size_t step) {
  std::vector<std::pair<float, std::uint32_t>> ranked;
  for (std::size_t i = 0; i < data.count(); i += step)
    ranked.push_back({-product(data.query(query), data.row(i)), std::uint32_t(i)});
  const auto middle = ranked.begin() + std::ptrdiff_t(std::min(kNearest, ranked.size()));
  std::partial_sort(ranked.begin(), middle, ranked.end());
  std::vector<std::uint32_t> ids;
  for (auto it = ranked.begin(); it != middle; ++it) ids.push_back(it->second);
  return ids;
}

}  // namespace chexworld::bench
