// SPDX-License-Identifier: Apache-2.0
//
// What store.h promises, for both backends.
#pragma once

#include "base/failure.h"
#include "support/store_backend.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <set>
#include <thread>

namespace chexworld::test {

class StoreContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    location_ = backend_named(GetParam()).fresh_location();
    store_ = open();
    store_->add_model(model_);
  }
  std::unique_ptr<Store> open() {
    StoreOptions options;
    options.clock = &clock_;
    options.patience = std::chrono::seconds(10);
    return open_store(location_, options);
  }
  void reopen() {
    store_.reset();
    store_ = open();
  }
  CommitReport put(int number, const ModelRecord& model) {
    return store_->commit({{sample_outcome(number, model)}, {}, {}, {}});
  }
  CommitReport put(int number) { return put(number, model_); }
  CommitReport queue(int first, int last, Priority priority = Priority::kArrival) {
    Batch batch;
    for (int i = first; i <= last; ++i) batch.arrivals.push_back({sample_location(i), model_.model_id, priority});
    return store_->commit(batch);
  }
  std::vector<ClaimedWork> claim(std::uint32_t most, const std::string& owner = "worker-1") {
    return store_->claim({model_.model_id, owner, most, std::chrono::seconds(60), 3});
  }
  std::vector<Change> history(std::uint64_t after = 0, const std::string& model = "model-a") {
    return store_->changes(model, after, 1000).changes;
  }
  ErrorCode refusal(const Outcome& outcome) {
    const auto result = capture([&] { return store_->commit({{outcome}, {}, {}, {}}); });
    EXPECT_FALSE(result.ok());
    if (result.ok()) return ErrorCode::kInternal;
    message_ = result.error().message();
    return result.error().code();
  }

  ManualClock clock_{Clock::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1))};
  ModelRecord model_ = sample_model();
  std::string location_;
  std::unique_ptr<Store> store_;
  std::string message_;  // of the last refusal
};

}  // namespace chexworld::test
