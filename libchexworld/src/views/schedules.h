// SPDX-License-Identifier: Apache-2.0
//
// What learning rate, weight decay and EMA momentum are when (spec section 4).
// Pure functions and plain values: safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace chexworld {

/// A cosine from `base` towards `final`, after a linear warm-up from `warmup_start`.
struct CosineSchedule {
  double base = 0;
  double final = 0;
  std::int64_t iterations = 0;         ///< of the whole schedule, warm-up included
  std::int64_t warmup_iterations = 0;  ///< evenly spaced values, both ends included
  double warmup_start = 0;
};

/// One value per iteration. The cosine starts with `base` again after a warm-up and stops one step short of
/// `final`. Throws Failure(kInvalidArgument) for counts that cannot be.
std::vector<double> values_of(const CosineSchedule& schedule);

/// The settings behind the three schedules of pre-training.
struct PretrainScheduleSettings {
  std::int64_t epochs = 300;
  std::int64_t iterations_per_epoch = 0;  ///< batches of one walk over the archive, per rank
  double stretch = 1.25;                  ///< "ipe scale": schedules are this much longer than training
  std::int64_t warmup_epochs = 40;
  double start_learning_rate = 0;
  double learning_rate = 2e-4;
  double final_learning_rate = 1e-6;
  double weight_decay = 0.05;
  double final_weight_decay = 0.05;
  double momentum = 0.996;  ///< of the target encoder's moving average
  double final_momentum = 1.0;
};

/// Values by iteration, `epochs * int(stretch * iterations_per_epoch)` of each. Training reads them at
/// `iterations_per_epoch * epoch + step`, counting every micro-batch, and so stops before their end.
struct PretrainSchedules {
  std::vector<double> learning_rate;
  std::vector<double> weight_decay;
  std::vector<double> momentum;
};

PretrainSchedules pretrain_schedules(const PretrainScheduleSettings& settings);

/// Fine-tuning: learning rate at a fractional epoch (`epoch + step / steps`).
struct EpochSchedule {
  double learning_rate = 1e-4;
  double final_learning_rate = 1e-6;
  double warmup_epochs = 5;  ///< linear from 0; none if 0
  double epochs = 50;
};

/// Linear up, then half a cosine down; groups multiply it with their own scale.
double learning_rate_at(const EpochSchedule& schedule, double epoch);

}  // namespace chexworld
