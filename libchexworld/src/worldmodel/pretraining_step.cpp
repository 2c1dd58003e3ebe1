// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/pretraining_step.h"

#include "base/failure.h"
#include "worldmodel/gradient_clip.h"

#include <cmath>

namespace chexworld {

PretrainingStep::PretrainingStep(WorldModel& model, AdamW& optimizer, const PretrainingStepOptions& options)
    : model_(model), optimizer_(optimizer), options_(options), trained_(model.trainable_parameters()) {
  if (options.accumulate < 1) fail(ErrorCode::kInvalidArgument, "pre-training: accumulation must be at least 1");
}

WorldModelLoss PretrainingStep::backward(const std::function<WorldModelLoss()>& forward) {
  WorldModelLoss loss;
  {
    const AutocastGuard autocast(options_.autocast);
    loss = forward();
  }
  (loss.loss / double(options_.accumulate)).backward();
  loss.loss = loss.loss.detach();
  return loss;
}

void PretrainingStep::update(const StepValues& values, StepReport& report) {
  report.gradient_norm = clip_gradients(trained_, options_.clip_norm).item<double>();
  report.skipped = !std::isfinite(report.gradient_norm);
  if (!report.skipped) {
    optimizer_.set_weight_decay(values.weight_decay);
    optimizer_.step(values.learning_rate);
  }
  optimizer_.clear_gradients();
  model_.update_target(values.momentum);
}

StepReport PretrainingStep::operator()(std::int64_t iteration, const DualViewBatch& batch, const StepValues& values,
                                       const std::function<void()>& gather_gradients) {
  return step(iteration, [&] { return world_model_loss(model_, batch, options_.objective); }, values, gather_gradients);
}

StepReport PretrainingStep::operator()(std::int64_t iteration, const MaskedBatch& batch, const StepValues& values,
                                       const std::function<void()>& gather_gradients) {
  const auto forward = [&] {
    WorldModelLoss loss;
    loss.loss = masked_loss(masked_terms(model_, batch), options_.objective.distance);
    loss.intra = loss.loss.detach();
    return loss;
  };
  return step(iteration, forward, values, gather_gradients);
}

StepReport PretrainingStep::step(std::int64_t iteration, const std::function<WorldModelLoss()>& forward,
                                 const StepValues& values, const std::function<void()>& gather_gradients) {
  StepReport report;
  report.loss = backward(forward);
  report.update_due = (iteration + 1) % options_.accumulate == 0;
  if (!report.update_due) return report;
  if (gather_gradients) gather_gradients();
  update(values, report);
  return report;
}

}  // namespace chexworld
