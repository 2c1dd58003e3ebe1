// SPDX-License-Identifier: Apache-2.0
//
// A pre-training run: from films to weights, update by update (specification, sections 2 to 4).
#pragma once

#include "trainer/run/batch_source.h"
#include "trainer/run/checkpoint.h"
#include "trainer/run/gradient_exchange.h"
#include "worldmodel/pretraining_step.h"

#include <functional>

namespace chexworld {

/// What the updates since the last record were like. Losses are means over them, on all processes.
struct UpdateRecord {
  std::int64_t update = 0;   ///< number of the last one, from 1
  std::int64_t updates = 0;  ///< of the whole run
  double epoch = 0;
  double loss = 0, intra = 0, extra = 0;
  double prediction_deviation = 0;  ///< of predictions over patches; 0 where all are alike
  double gradient_norm = 0;         ///< before clipping, of the last one
  double learning_rate = 0, weight_decay = 0, momentum = 0;
  double films_per_second = 0;
  double wait_share = 0;  ///< of the time, spent waiting for data
  double seconds = 0;     ///< since the run began, pauses between its parts not counted
  std::int64_t skipped = 0;
};

/// Told about a run by the process of rank 0.
class RunListener {
 public:
  virtual ~RunListener() = default;
  virtual void on_record(const UpdateRecord& /*record*/) {}
  /// Every health_every updates and at the end. A value returned is what checkpoints are compared by, higher is better.
  virtual std::optional<double> on_health(const WorldModel& /*model*/, std::int64_t /*update*/) { return {}; }
  virtual void on_saved(const std::filesystem::path& /*checkpoint*/, std::int64_t /*update*/) {}
};

/// Not thread safe. Archive and group must outlive it.
class Pretraining {
 public:
  enum class End { kDone, kStopped };

  /// `films`: those of the archive to train on. `group`: nullptr for a process alone.
  /// Throws Failure(kInvalidArgument) for settings that do not fit together or to the archive.
  Pretraining(const PretrainConfig& config, const Archive& archive, std::vector<std::int64_t> films,
              ProcessGroup* group = nullptr);

  /// Goes on from a checkpoint of a run with the same films. Throws Failure naming what differs.
  void resume_from(const std::filesystem::path& checkpoint);

  const PretrainConfig& config() const { return config_; }
  const TrainingProgress& progress() const { return progress_; }
  const WorldModel& model() const { return model_; }
  std::int64_t updates_in_run() const { return updates_in_run_; }

  /// Trains to the end, or until `stop` says so (asked before every update); saves checkpoints on the way and at the
  /// end. A checkpoint on the way that cannot be written is a warning. Throws Failure where training goes wrong.
  End run(const std::filesystem::path& checkpoints, RunListener& listener, const std::function<bool()>& stop);

 private:
  struct Window;  // sums since the last record

  StepReport one_batch(std::int64_t iteration, const StepValues& values);
  void one_update(Window& window);
  void one_update_or_save(Window& window, CheckpointFolder& folder, RunListener& listener);
  StepValues values_now() const;
  void count(const StepReport& report);
  [[noreturn]] void give_up() const;
  void write_record(Window& window, RunListener& listener);
  void look_at_health(RunListener& listener);
  void save(CheckpointFolder& folder, RunListener& listener, bool is_last);
  bool is_first() const { return group_ == nullptr || group_->rank() == 0; }
  bool is_due(std::int64_t every) const { return every > 0 && progress_.updates % every == 0; }

  const PretrainConfig config_;
  const Archive& archive_;
  ProcessGroup* const group_;
  const std::vector<std::int64_t> films_;
  const LoaderSettings loading_;
  const at::Device device_;
  WorldModel model_;
  AdamW optimizer_;
  PretrainingStep step_;
  std::int64_t updates_per_epoch_ = 0, updates_in_run_ = 0;
  PretrainSchedules schedules_;
  TrainingProgress progress_;
  bool is_best_ = false;                      // the last look at the features was the best so far
  std::optional<GradientExchange> exchange_;  // where there is a group
  std::optional<BatchSource> batches_;
};

/// The networks and the objective that a configuration stands for.
WorldModelConfig world_model_config(const PretrainConfig& config);
PretrainingStepOptions step_options(const PretrainConfig& config);

}  // namespace chexworld
