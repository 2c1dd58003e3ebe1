// SPDX-License-Identifier: Apache-2.0
//
// One micro-batch of pre-training: loss, gradient, and every so often an update (specification, section 4;
// reference quirks 19 to 22).
#pragma once

#include "nn/autocast.h"
#include "worldmodel/adamw.h"
#include "worldmodel/masked_objective.h"

#include <functional>
#include <optional>

namespace chexworld {

struct PretrainingStepOptions {
  Objective objective;
  std::int64_t accumulate = 1;  ///< micro-batches per update
  double clip_norm = 1;         ///< 0: no clipping
  Autocast autocast;            ///< off unless enabled
};

/// The schedules' values at one iteration.
struct StepValues {
  double learning_rate = 0;
  double weight_decay = 0;
  double momentum = 1;  ///< of the target encoder
};

struct StepReport {
  WorldModelLoss loss;       ///< undivided; detached
  bool update_due = false;   ///< this micro-batch completed an update
  bool skipped = false;      ///< the gradient was not finite: weights stay, the target encoder moves on
  double gradient_norm = 0;  ///< before clipping; only where an update was due
};

/// Not thread safe. The model and the optimizer must outlive it.
class PretrainingStep {
 public:
  PretrainingStep(WorldModel& model, AdamW& optimizer, const PretrainingStepOptions& options);

  /// `iteration` counts micro-batches from 0; an update happens when iteration + 1 is a multiple of `accumulate`.
  /// `gather_gradients`, if given, runs before clipping: the place to average gradients between processes.
  StepReport operator()(std::int64_t iteration, const DualViewBatch& batch, const StepValues& values,
                        const std::function<void()>& gather_gradients = {});
  /// The same for the I-JEPA objective, of which only the objective's distance is used; `loss` and `intra` are filled.
  StepReport operator()(std::int64_t iteration, const MaskedBatch& batch, const StepValues& values,
                        const std::function<void()>& gather_gradients = {});

 private:
  StepReport step(std::int64_t iteration, const std::function<WorldModelLoss()>& forward, const StepValues& values,
                  const std::function<void()>& gather_gradients);
  WorldModelLoss backward(const std::function<WorldModelLoss()>& forward);
  void update(const StepValues& values, StepReport& report);

  WorldModel& model_;
  AdamW& optimizer_;
  PretrainingStepOptions options_;
  std::vector<NamedTensor> trained_;
};

}  // namespace chexworld
