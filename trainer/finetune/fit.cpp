// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/fit.h"

#include "base/failure.h"
#include "nn/autocast.h"
#include "nn/state.h"
#include "worldmodel/adamw.h"
#include "worldmodel/gradient_clip.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <chrono>
#include <cmath>

namespace chexworld {
namespace {

constexpr int kMostSkippedInARow = 10;

using Time = std::chrono::steady_clock;
double seconds_since(Time::time_point start) { return std::chrono::duration<double>(Time::now() - start).count(); }

State copy_of(const Module& model) {
  State state;
  for (const NamedTensor& entry : model.state()) state[entry.name] = entry.tensor.detach().clone();
  return state;
}

/// Not a number is worse than any number.
bool is_better(double value, double than) { return !std::isnan(value) && (std::isnan(than) || value > than); }

class Fit {
 public:
  Fit(FitTask& task, const FitConfig& config)
      : task_(task), config_(config), optimizer_(task.groups()), trained_(task.model().trainable_parameters()) {}

  /// False: stopped on the way.
  bool epoch(std::int64_t number, const std::function<bool()>& stop, EpochRecord& record) {
    const auto start = Time::now();
    at::Tensor sum = at::zeros({});
    task_.model().train(true);
    const std::int64_t batches = task_.batches_per_epoch();
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      if (stop()) return false;
      record.learning_rate = learning_rate_at(config_.schedule(), double(number) + double(batch) / double(batches));
      sum += update(record).to(at::kCPU);
    }
    record.loss = sum.item<double>() / double(batches);
    record.films_per_second = double(batches * task_.films_per_batch()) / seconds_since(start);
    return true;
  }

  Validation validate() {
    const c10::NoGradGuard no_gradient;
    task_.model().train(false);
    return task_.validate();
  }

 private:
  at::Tensor update(EpochRecord& record) {
    at::Tensor loss;
    {
      const AutocastGuard autocast({at::Device(config_.device).type(), config_.bf16, at::kBFloat16});
      loss = task_.next_loss();
    }
    loss.backward();
    record.gradient_norm = clip_gradients(trained_, config_.clip_grad).item<double>();
    const bool finite = std::isfinite(record.gradient_norm);
    if (finite) optimizer_.step(record.learning_rate);
    optimizer_.clear_gradients();
    record.skipped += finite ? 0 : 1;
    skipped_in_a_row_ = finite ? 0 : skipped_in_a_row_ + 1;
    if (skipped_in_a_row_ >= kMostSkippedInARow)
      fail(ErrorCode::kInternal, "fine-tuning stopped: the gradient was not finite " +
                                     std::to_string(skipped_in_a_row_) +
                                     " times in a row; try a lower --lr, more --warmup-epochs or no --bf16");
    return loss.detach();
  }

  FitTask& task_;
  const FitConfig& config_;
  AdamW optimizer_;
  const std::vector<NamedTensor> trained_;
  int skipped_in_a_row_ = 0;
};

}  // namespace

Json to_json(const EpochRecord& record) {
  Json json{{"update", record.epoch},
            {"epoch", record.epoch},
            {"loss", record.loss},
            {"gradient_norm", record.gradient_norm},
            {"learning_rate", record.learning_rate},
            {"films_per_second", record.films_per_second},
            {"seconds", record.seconds},
            {"skipped", record.skipped}};
  for (const auto& [name, value] : record.validation.numbers)
    json["validation_" + name] = std::isfinite(value) ? Json(value) : Json();
  return json;
}

FitOutcome fit(FitTask& task, const FitConfig& config, std::uint64_t seed,
               const std::function<void(const EpochRecord&)>& tell, const std::function<bool()>& stop) {
  at::Generator generator = at::globalContext().defaultGenerator(at::Device(config.device));  // of drop path
  generator.set_current_seed(seed);
  const auto start = Time::now();
  Fit fit(task, config);
  FitOutcome outcome;
  outcome.best.value = std::nan("");
  State best;
  EpochRecord record;
  record.epochs = config.epochs;
  for (std::int64_t epoch = 0; epoch < config.epochs; ++epoch) {
    record.epoch = epoch + 1;
    if (!fit.epoch(epoch, stop, record)) {
      outcome.stopped = true;
      return outcome;
    }
    record.validation = fit.validate();
    record.seconds = outcome.seconds = seconds_since(start);
    if (tell) tell(record);
    if (best.empty() || is_better(record.validation.value, outcome.best.value)) {
      best = copy_of(task.model());
      outcome.best = record.validation;
      outcome.best_epoch = record.epoch;
    }
    if (config.patience > 0 && record.epoch - outcome.best_epoch >= config.patience) break;
  }
  load_exactly(task.model(), best, "fine-tuning");
  return outcome;
}

}  // namespace chexworld
