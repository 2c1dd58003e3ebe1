// SPDX-License-Identifier: Apache-2.0
#include "bench/search_build.h"

#include "base/file.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <thread>
#include <vector>

namespace chexworld::bench {
namespace {

constexpr std::size_t kChunk = 10'000;       // rows between two lines of progress
constexpr std::size_t kKeepEvery = 100'000;  // rows that an interruption may cost

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

std::filesystem::path cost_file(const std::filesystem::path& file) { return file.string() + ".cost"; }

}  // namespace

void on_threads(unsigned threads, std::size_t from, std::size_t to, const std::function<void(std::size_t)>& action) {
  std::atomic<std::size_t> next{from};
  std::vector<std::jthread> running;
  for (unsigned i = 0; i < threads; ++i)
    running.emplace_back([&] {
      for (std::size_t at = next++; at < to; at = next++) action(at);
    });
}

BuildCost read_cost(const std::filesystem::path& file) {
  BuildCost cost;
  std::ifstream(cost_file(file)) >> cost.rows >> cost.cpu_seconds;
  return cost;
}

void build_by_chunks(const BuildPlan& plan, std::size_t present, const std::function<void(std::size_t)>& add,
                     const std::function<void()>& keep) {
  // What was added after the last keeping is lost with its process, and so is its cost.
  const double before = present > 0 ? read_cost(plan.file).cpu_seconds : 0, start = cpu_seconds();
  for (std::size_t at = present; at < plan.rows;) {
    const std::size_t end = std::min(plan.rows, at + kChunk);
    on_threads(plan.threads, at, end, add);
    at = end;
    const double cost = before + cpu_seconds() - start;
    std::fprintf(stderr, "  %s: %zu of %zu rows, %.0f processor seconds\n", plan.name.c_str(), at, plan.rows, cost);
    if (at % kKeepEvery != 0 && at < plan.rows) continue;
    keep();
    write_file_atomically(cost_file(plan.file), std::to_string(at) + " " + std::to_string(cost) + "\n");
  }
  std::filesystem::rename(plan.file.string() + ".partial", plan.file);
}

}  // namespace chexworld::bench
