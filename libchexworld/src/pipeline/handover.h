// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/model.h"
#include "pipeline/scheduler.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// From one model to the next. Thread safe; one activation at a time, others wait.
class Handover {
 public:
  Handover(std::shared_ptr<Scheduler> scheduler, std::unique_ptr<ModelLoader> loader);

  /// As Pipeline::activate() and roll_back(); throw Failure.
  PipelineModel activate(const std::filesystem::path& bundle, std::string_view expected_id);
  PipelineModel roll_back(std::string_view model_id);

 private:
  struct Known {
    std::string model_id;
    std::filesystem::path bundle;
  };

  PipelineModel activate_now(const std::filesystem::path& bundle, std::string_view expected_id);
  void remember(const PipelineModel& model);
  const Known& earlier(std::string_view model_id) const;

  const std::shared_ptr<Scheduler> scheduler_;
  const std::unique_ptr<ModelLoader> loader_;
  std::mutex mutex_;
  std::vector<Known> known_;  // guarded by mutex_; the serving model last, each once
};

/// Runs `action` on a thread of its own that yields to all others, and waits for it; what it throws is thrown here.
void run_in_background(const std::function<void()>& action);

}  // namespace chexworld
