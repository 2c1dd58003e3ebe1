// SPDX-License-Identifier: Apache-2.0
#include "serve_load.h"

#include <cstdlib>

namespace chexworld::test {

std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

Load::Load(const WorkerServer& server, int clients, Step step) {
  for (int i = 0; i < clients; ++i)
    threads_.emplace_back([this, client = server.client(), step]() mutable {
      while (!stopping_ && step(client, next_++)) {
      }
    });
}

void Load::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Told::acknowledge(int film) {
  const std::lock_guard lock(mutex_);
  acknowledged_.insert(film);
}

void Told::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  complaints_.push_back(what);
}

std::set<int> Told::acknowledged() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_;
}

std::vector<std::string> Told::complaints() const {
  const std::lock_guard lock(mutex_);
  return complaints_;
}

}  // namespace chexworld::test
