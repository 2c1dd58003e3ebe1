// SPDX-License-Identifier: Apache-2.0
#include "pipeline/handover.h"

#include "base/failure.h"

#include <algorithm>
#include <malloc.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace chexworld {
namespace {

/// Of the thread that loads: about a tenth of a processor while all are busy serving, all that is idle otherwise.
constexpr int kLoadingNiceness = 10;

}  // namespace

void run_in_background(const std::function<void()>& action) {
  Result<void> outcome;
  std::thread([&] {
    setpriority(PRIO_PROCESS, id_t(gettid()), kLoadingNiceness);  // of this thread alone; refused: as it was
    outcome = capture(action);
  }).join();
  outcome.value();
}

Handover::Handover(std::shared_ptr<Scheduler> scheduler, std::unique_ptr<ModelLoader> loader)
    : scheduler_(std::move(scheduler)), loader_(std::move(loader)) {
  remember(scheduler_->model()->facts);
}

PipelineModel Handover::activate(const std::filesystem::path& bundle, std::string_view expected_id) {
  const std::lock_guard lock(mutex_);
  return activate_now(bundle, expected_id);
}

PipelineModel Handover::roll_back(std::string_view model_id) {
  const std::lock_guard lock(mutex_);
  const Known known = earlier(model_id);
  return activate_now(known.bundle, known.model_id);
}

PipelineModel Handover::activate_now(const std::filesystem::path& bundle, std::string_view expected_id) {
  ModelPointer model;
  run_in_background([&] { model = loader_->load(bundle, expected_id); });
  PipelineModel facts = model->facts;
  scheduler_->switch_to(std::move(model));
  remember(facts);
  malloc_trim(0);  // the old weights; glibc would keep them for the next ones
  return facts;
}

void Handover::remember(const PipelineModel& model) {
  std::erase_if(known_, [&](const Known& known) { return known.model_id == model.model_id; });
  known_.push_back({model.model_id, model.bundle});
}

const Handover::Known& Handover::earlier(std::string_view model_id) const {
  if (model_id.empty()) {
    if (known_.size() < 2) fail(ErrorCode::kNotFound, "pipeline: no model was active before this one");
    return known_[known_.size() - 2];
  }
  const auto found =
      std::find_if(known_.begin(), known_.end(), [&](const Known& known) { return known.model_id == model_id; });
  if (found == known_.end())
    fail(ErrorCode::kNotFound, "pipeline: model " + std::string(model_id.substr(0, 64)) + " was never active here");
  return *found;
}

}  // namespace chexworld
