// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace chexworld {

void in_parallel(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& action) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr trouble;
  std::mutex mutex;  // of trouble
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) action(i);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      trouble = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < threads && i < count; ++i) helpers.emplace_back(work);
    work();
  }
  if (trouble) std::rethrow_exception(trouble);
}

}  // namespace chexworld
