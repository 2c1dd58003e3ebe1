// SPDX-License-Identifier: Apache-2.0
//
// Building an index of bench_search so that it can be interrupted: by chunks, kept now and then, taken up again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace chexworld::bench {

/// Calls action(from) to action(to - 1) on `threads` threads.
void on_threads(unsigned threads, std::size_t from, std::size_t to, const std::function<void(std::size_t)>& action);

/// What an index cost to build: rows so far and processor seconds of all threads, also of earlier, interrupted runs.
struct BuildCost {
  std::size_t rows = 0;
  double cpu_seconds = 0;
};
/// From FILE.cost; zeros where there is none.
BuildCost read_cost(const std::filesystem::path& file);

struct BuildPlan {
  std::string name;            ///< for people
  std::filesystem::path file;  ///< of the finished index; FILE.partial until then
  std::size_t rows = 0;
  unsigned threads = 1;
};

/// Adds the rows that are missing. add(row) from any thread; keep() writes FILE.partial whole, called from one thread
/// between chunks, after which FILE.cost is written.
void build_by_chunks(const BuildPlan& plan, std::size_t present, const std::function<void(std::size_t)>& add,
                     const std::function<void()>& keep);

}  // namespace chexworld::bench
