// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/store.h"

#include <chexworld/pipeline.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace chexworld {

/// What became of one object, as the store keeps it; nullopt where there is nothing to keep (an error or a skipped
/// object that nobody can name, or a ticket that says so).
std::optional<Outcome> stored_outcome(const PipelineOutcome& outcome, const std::string& model_id, Clock::WallTime now);

/// Whether another attempt may succeed: the machine was at fault, not the object.
bool is_transient(const Error& error);

/// Files outcomes in the store; an item is answered once its result is durable. Outcomes that arrive while a
/// transaction runs share the next one. Thread safe.
class ResultWriter final : public ResultSink {
 public:
  struct Options {
    std::size_t most_at_once = 64;  ///< outcomes in one transaction
    /// Told after each transaction, in the writer's thread; must not throw.
    std::function<void(std::size_t outcomes, std::chrono::duration<double>)> committed = {};
  };

  /// The store must outlive it. `active_model` names the model that troubles are filed under.
  ResultWriter(Store& store, std::function<std::string()> active_model, Options options);
  /// Writes what it has, then ends.
  ~ResultWriter() override;

  void put(const PipelineOutcome& outcome, Done done) override;

 private:
  struct Waiting {
    Outcome outcome;
    std::optional<CursorAdvance> cursor;
    bool only_cursor = false;  // an outcome that is not kept, but whose change has been taken care of
    Result<void> answer;       // once it is durable
    Done done;
  };
  void run();
  std::vector<Waiting> take_batch();
  void write(std::vector<Waiting>& batch);
  void park_refused(const Outcome& refused, const Error& error);
  void write_one_by_one(std::vector<Waiting>& batch);

  Store& store_;
  const std::function<std::string()> active_model_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> waiting_;  // guarded by mutex_
  bool ending_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace chexworld
