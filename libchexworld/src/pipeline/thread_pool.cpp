// SPDX-License-Identifier: Apache-2.0
#include "pipeline/thread_pool.h"

#include <utility>

namespace chexworld {
namespace {

thread_local const CallerExecutor* running_here = nullptr;

}  // namespace

Executor::~Executor() = default;

void Executor::post_after(std::chrono::nanoseconds, std::function<void()> task) { post(std::move(task)); }

ThreadPool::ThreadPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    ready_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void ThreadPool::post_after(std::chrono::nanoseconds delay, std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    later_.emplace(std::chrono::steady_clock::now() + delay, std::move(task));
  }
  wake_.notify_one();
}

void ThreadPool::collect_due() {
  const Moment now = std::chrono::steady_clock::now();
  while (!later_.empty() && later_.begin()->first <= now)
    ready_.push_back(std::move(later_.extract(later_.begin()).mapped()));
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    collect_due();
    if (!ready_.empty()) {
      const std::function<void()> task = std::move(ready_.front());
      ready_.pop_front();
      if (!ready_.empty() || !later_.empty()) wake_.notify_one();  // somebody must watch them meanwhile
      lock.unlock();
      task();
      lock.lock();
    } else if (later_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, Moment(later_.begin()->first));
    }
  }
}

void CallerExecutor::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_all();
}

void CallerExecutor::run_until(const std::function<bool()>& done) {
  if (running_here == this) return;
  const CallerExecutor* const outer = std::exchange(running_here, this);
  std::unique_lock lock(mutex_);
  while (!done()) {
    if (tasks_.empty()) {
      wake_.wait(lock);
      continue;
    }
    {
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
    lock.lock();
    wake_.notify_all();
  }
  running_here = outer;
}

}  // namespace chexworld
