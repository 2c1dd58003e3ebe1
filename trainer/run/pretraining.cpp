// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/pretraining.h"

#include "base/failure.h"
#include "base/log.h"
#include "base/sha256.h"

#include <ATen/Parallel.h>
#include <chrono>

namespace chexworld {
namespace {

using Time = std::chrono::steady_clock::time_point;
double seconds_since(Time start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

WorldModel& begun(WorldModel& model, const PretrainConfig& config, at::Device device) {
  model.initialise(std::uint64_t(config.seed));
  for (const NamedTensor& parameter : model.trainable_parameters()) {
    at::Tensor drawn = parameter.tensor.detach();
    if (drawn.dim() > 1) drawn.mul_(config.init_std / kInitialDeviation);
  }
  model.copy_encoder_to_target();
  model.to(device);
  return model;
}

const PretrainConfig& checked(const PretrainConfig& config) {
  check(config);
  if (config.threads > 0) at::set_num_threads(int(config.threads));
  return config;
}

std::string fingerprint_of(const Archive& archive, const std::vector<std::int64_t>& films) {
  Sha256 hash;
  for (const std::int64_t film : films) hash.update(archive.content(film));
  return to_hex(hash.finish()).substr(0, 16);
}

std::vector<at::Tensor> tensors_of(const WorldModel& model) {
  std::vector<at::Tensor> tensors;
  for (const NamedTensor& entry : model.state()) tensors.push_back(entry.tensor.detach());
  return tensors;
}

}  // namespace

WorldModelConfig world_model_config(const PretrainConfig& config) {
  WorldModelConfig model;
  model.encoder = config.encoder();
  model.predictor.width = config.pred_width;
  model.predictor.depth = config.pred_depth;
  model.predictor.heads = model.encoder.heads;
  if (config.is_ijepa()) {
    model.predictor.action_size = 0;
    model.predictor.absolute_queries = true;
  }
  model.encoder_stack.gradient_checkpointing = config.gradient_checkpointing;
  return model;
}

PretrainingStepOptions step_options(const PretrainConfig& config) {
  PretrainingStepOptions options;
  options.objective.distance = config.loss == "mse" ? Distance::kMeanSquared : Distance::kSmoothL1;
  options.objective.global_weight = config.global_weight;
  options.objective.global = config.use_global;
  options.objective.domain = config.use_domain;
  options.objective.disable_action = !config.use_action;
  options.objective.disable_relative_position = !config.use_relative;
  options.objective.all_patches = config.all_patches;
  options.objective.target_layers = config.target_layers;
  options.objective.variance_weight = config.variance_weight;
  options.accumulate = config.accum_steps;
  options.clip_norm = config.clip_grad;
  options.autocast = {at::Device(config.device).type(), config.bf16, at::kBFloat16};
  return options;
}

/// Sums stay on the device until somebody reads them.
struct Pretraining::Window {
  at::Tensor loss, intra, extra, deviation;
  std::int64_t batches = 0;
  double gradient_norm = 0;
  StepValues values;
  Time start = std::chrono::steady_clock::now();
  double waited_before = 0;

  void add(const WorldModelLoss& one) {
    const auto sum = [](at::Tensor& total, const at::Tensor& value) {
      if (value.defined()) total = total.defined() ? total + value.detach() : value.detach().clone();
    };
    sum(loss, one.loss);
    sum(intra, one.intra);
    sum(extra, one.extra);
    sum(deviation, one.deviation);
    ++batches;
  }
  std::vector<double> means(ProcessGroup* group) const {
    std::vector<at::Tensor> sums;
    for (const at::Tensor& sum : {loss, intra, extra, deviation})
      sums.push_back(sum.defined() ? sum.to(at::kFloat) : at::zeros({}, loss.options().dtype(at::kFloat)));
    at::Tensor all = at::stack(sums) / double(batches);
    if (group != nullptr) {
      all = all.to(group->device());
      group->start_sum(all)();
      all /= double(group->size());
    }
    all = all.cpu();
    return {all.const_data_ptr<float>(), all.const_data_ptr<float>() + all.numel()};
  }
};

Pretraining::Pretraining(const PretrainConfig& config, const Archive& archive, std::vector<std::int64_t> films,
                         ProcessGroup* group)
    : config_(checked(config)),
      archive_(archive),
      group_(group),
      films_(std::move(films)),
      loading_(config.loader(group ? group->rank() : 0, group ? group->size() : 1)),
      device_(device_of_process(config.device)),
      model_(world_model_config(config)),
      optimizer_(pretraining_groups(begun(model_, config, device_).parameters(), config.weight_decay)),
      step_(model_, optimizer_, step_options(config)),
      updates_per_epoch_(SampleOrder(loading_, std::int64_t(films_.size())).updates_per_pass()),
      updates_in_run_(updates_per_epoch_ * config.epochs),
      schedules_(pretrain_schedules(config.schedule(updates_per_epoch_))) {
  progress_.films_fingerprint = fingerprint_of(archive, films_);
  if (group_ == nullptr) return;
  group_->broadcast(tensors_of(model_));
  exchange_.emplace(model_.trainable_parameters(), *group_);
}

void Pretraining::resume_from(const std::filesystem::path& checkpoint) {
  const CheckpointHeader header = read_checkpoint_header(checkpoint);
  std::string differences;
  for (const std::string& key : fixed_differences(header.config, config_))
    differences += (differences.empty() ? "" : ", ") + key;
  if (!differences.empty())
    fail(ErrorCode::kInvalidArgument, checkpoint.string() + " is of a run with other settings (" + differences +
                                          "), which cannot change on the way");
  if (header.progress.films_fingerprint != progress_.films_fingerprint)
    fail(ErrorCode::kInvalidArgument, checkpoint.string() + " is of a run on other films: the archive has changed");
  load_checkpoint(checkpoint, model_, optimizer_);
  progress_ = header.progress;
}

StepValues Pretraining::values_now() const {
  const auto update = std::size_t(progress_.updates);
  return {schedules_.learning_rate.at(update), schedules_.weight_decay.at(update), schedules_.momentum.at(update)};
}

StepReport Pretraining::one_batch(std::int64_t iteration, const StepValues& values) {
  const auto gather = [this] {
    if (exchange_) exchange_->finish();
  };
  if (config_.is_ijepa()) return step_(iteration, batches_->next_masked(), values, gather);
  return step_(iteration, batches_->next_dual(), values, gather);
}

void Pretraining::one_update(Window& window) {
  window.values = values_now();
  StepReport report;
  for (std::int64_t part = 0; part < config_.accum_steps; ++part) {
    // With checkpointing a gradient can come in several pieces, so nothing may be sent before all are there.
    const bool is_last = part + 1 == config_.accum_steps;
    if (exchange_ && is_last && !config_.gradient_checkpointing) exchange_->arm();
    report = one_batch(progress_.updates * config_.accum_steps + part, window.values);
    window.add(report.loss);
  }
  window.gradient_norm = report.gradient_norm;
  count(report);
}

/// When a peer has died, weights and optimiser are still those of the last update.
void Pretraining::one_update_or_save(Window& window, CheckpointFolder& folder, RunListener& listener) {
  try {
    one_update(window);
  } catch (const Failure& failure) {
    if (group_ != nullptr && failure.error().code() == ErrorCode::kUnavailable) save(folder, listener, false);
    throw;
  }
}

void Pretraining::count(const StepReport& report) {
  ++progress_.updates;
  progress_.skipped += report.skipped;
  progress_.skipped_in_a_row = report.skipped ? progress_.skipped_in_a_row + 1 : 0;
  if (progress_.skipped_in_a_row >= config_.max_nonfinite) give_up();
}

void Pretraining::give_up() const {
  std::string broken = "all weights are finite";
  for (const NamedTensor& parameter : model_.state())
    if (!parameter.tensor.isfinite().all().item<bool>()) broken = parameter.name + " is no longer finite";
  fail(ErrorCode::kInternal,
       "training stopped at update " + std::to_string(progress_.updates) + ": the gradient was not finite " +
           std::to_string(progress_.skipped_in_a_row) + " times in a row (learning rate " +
           std::to_string(values_now().learning_rate) + "; " + broken +
           "). Go on from an earlier checkpoint with a lower --lr, a longer --warmup-epochs or without --bf16");
}

void Pretraining::write_record(Window& window, RunListener& listener) {
  const std::vector<double> means = window.means(group_);
  const double seconds = seconds_since(window.start);
  progress_.seconds += seconds;
  UpdateRecord record;
  record.update = progress_.updates;
  record.updates = updates_in_run_;
  record.epoch = double(progress_.updates) / double(updates_per_epoch_);
  record.loss = means[0];
  record.intra = means[1];
  record.extra = means[2];
  record.prediction_deviation = means[3];
  record.gradient_norm = window.gradient_norm;
  record.learning_rate = window.values.learning_rate;
  record.weight_decay = window.values.weight_decay;
  record.momentum = window.values.momentum;
  record.films_per_second = double(window.batches * config_.batch_size * loading_.ranks) / seconds;
  record.wait_share = (batches_->waited_seconds() - window.waited_before) / seconds;
  record.seconds = progress_.seconds;
  record.skipped = progress_.skipped;
  if (is_first()) listener.on_record(record);
  window = Window();
  window.waited_before = batches_->waited_seconds();
}

void Pretraining::look_at_health(RunListener& listener) {
  if (!is_first()) return;
  const std::optional<double> value = listener.on_health(model_, progress_.updates);
  is_best_ = value && (!progress_.best || *value > *progress_.best);
  if (is_best_) progress_.best = value;
}

void Pretraining::save(CheckpointFolder& folder, RunListener& listener, bool is_last) {
  if (!is_first()) return;
  try {
    folder.save({config_, progress_, archive_.settings().trim}, model_, optimizer_, is_best_);
    is_best_ = false;
    listener.on_saved(folder.path_of(progress_.updates), progress_.updates);
  } catch (...) {
    if (is_last) throw;
    log_warning("training goes on without a checkpoint of update " + std::to_string(progress_.updates) + ": " +
                current_error().message());
  }
}

Pretraining::End Pretraining::run(const std::filesystem::path& checkpoints, RunListener& listener,
                                  const std::function<bool()>& stop) {
  CheckpointFolder folder(checkpoints, config_.keep);
  const bool on_device =
      films_belong_on_device(config_.data_on_device, FilmStore::bytes_needed(archive_, films_), device_);
  batches_.emplace(archive_, films_, loading_, device_, on_device, progress_.updates * config_.accum_steps);
  Window window;
  std::int64_t saved = -1;
  while (progress_.updates < updates_in_run_) {
    if (group_ != nullptr ? group_->any(stop()) : stop()) break;
    one_update_or_save(window, folder, listener);
    if (is_due(config_.log_every) || progress_.updates == updates_in_run_) write_record(window, listener);
    if (is_due(config_.health_every) || progress_.updates == updates_in_run_) {
      const Time before = std::chrono::steady_clock::now();
      look_at_health(listener);
      window.start += std::chrono::steady_clock::now() - before;
    }
    if (is_due(config_.save_every)) save(folder, listener, false), saved = progress_.updates;
  }
  if (saved != progress_.updates) save(folder, listener, true);
  return progress_.updates < updates_in_run_ ? End::kStopped : End::kDone;
}

}  // namespace chexworld
