// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/store.h"

#include <chexworld/pipeline.h>

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace chexworld::bench {

/// Files every result in an SQLite store before it is answered; what has gathered meanwhile goes in one transaction.
class StoreSink final : public ResultSink {
 public:
  StoreSink(const std::filesystem::path& path, std::int64_t width);
  ~StoreSink() override;

  void put(const PipelineOutcome& outcome, Done done) override;

 private:
  struct Waiting {
    Outcome outcome;
    Done done;
  };
  void work();
  void commit(std::vector<Waiting> all);

  const std::unique_ptr<Store> store_;
  const std::int64_t width_;
  std::set<std::string> known_models_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;  // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  std::thread thread_;
};

}  // namespace chexworld::bench
