// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <omp.h>

namespace chexworld {

/// While it lives, parallel work that the calling thread starts (ours and oneDNN's) uses this many threads.
class ThreadScope {
 public:
  explicit ThreadScope(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~ThreadScope() { omp_set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

inline std::size_t most_threads() { return static_cast<std::size_t>(omp_get_max_threads()); }
/// Within share(): which of the threads this is.
inline std::size_t thread_index() { return static_cast<std::size_t>(omp_get_thread_num()); }

/// Calls work(begin, end) on every thread with its share of 0..count; `work` must not throw.
template <class Work>
void share(std::size_t count, const Work& work) {
#pragma omp parallel
  {
    const auto threads = static_cast<std::size_t>(omp_get_num_threads());
    const auto thread = static_cast<std::size_t>(omp_get_thread_num());
    const std::size_t begin = count * thread / threads;
    const std::size_t end = count * (thread + 1) / threads;
    if (begin < end) work(begin, end);
  }
}

}  // namespace chexworld
