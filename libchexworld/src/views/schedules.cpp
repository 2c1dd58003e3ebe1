// SPDX-License-Identifier: Apache-2.0
#include "views/schedules.h"

#include "base/failure.h"

#include <cmath>
#include <numbers>
#include <string>

namespace chexworld {

namespace {

constexpr std::int64_t kMostIterations = 1'000'000'000;

void append_warmup(const CosineSchedule& schedule, std::vector<double>& values) {
  const std::int64_t count = schedule.warmup_iterations;
  const double step = count > 1 ? (schedule.base - schedule.warmup_start) / double(count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(schedule.warmup_start + double(i) * step);
  if (count > 1) values.back() = schedule.base;
}

void append_cosine(const CosineSchedule& schedule, std::vector<double>& values) {
  const std::int64_t count = schedule.iterations - schedule.warmup_iterations;
  for (std::int64_t i = 0; i < count; ++i) {
    const double phase = std::numbers::pi * double(i) / double(count);
    values.push_back(schedule.final + 0.5 * (schedule.base - schedule.final) * (1 + std::cos(phase)));
  }
}

std::int64_t stretched_epoch(const PretrainScheduleSettings& settings) {
  const bool possible = settings.epochs > 0 && settings.iterations_per_epoch > 0 && settings.stretch >= 1 &&
                        settings.stretch <= 1000 && settings.warmup_epochs >= 0;
  if (!possible) {
    fail(ErrorCode::kInvalidArgument,
         "schedules: epochs and iterations per epoch must be positive, the stretch at least 1, warm-up not negative");
  }
  return std::int64_t(settings.stretch * double(settings.iterations_per_epoch));
}

}  // namespace

std::vector<double> values_of(const CosineSchedule& schedule) {
  if (schedule.iterations < 0 || schedule.iterations > kMostIterations) {
    fail(ErrorCode::kInvalidArgument, "schedule: the number of iterations must be from 0 to " +
                                          std::to_string(kMostIterations) + ", not " +
                                          std::to_string(schedule.iterations));
  }
  if (schedule.warmup_iterations < 0 || schedule.warmup_iterations > schedule.iterations) {
    fail(ErrorCode::kInvalidArgument, "schedule: a warm-up of " + std::to_string(schedule.warmup_iterations) +
                                          " iterations does not fit into " + std::to_string(schedule.iterations) +
                                          "; train longer or warm up for fewer epochs");
  }
  std::vector<double> values;
  values.reserve(std::size_t(schedule.iterations));
  append_warmup(schedule, values);
  append_cosine(schedule, values);
  return values;
}

PretrainSchedules pretrain_schedules(const PretrainScheduleSettings& settings) {
  const std::int64_t epoch = stretched_epoch(settings);
  if (settings.epochs > kMostIterations / epoch || settings.warmup_epochs > settings.epochs)
    fail(ErrorCode::kInvalidArgument, "schedules: the warm-up must not be longer than training, nor training endless");
  const std::int64_t iterations = settings.epochs * epoch;
  const auto schedule = [&](double base, double final, std::int64_t warmup, double start) {
    return values_of({base, final, iterations, warmup, start});
  };
  return {schedule(settings.learning_rate, settings.final_learning_rate, settings.warmup_epochs * epoch,
                   settings.start_learning_rate),
          schedule(settings.weight_decay, settings.final_weight_decay, 0, 0),
          schedule(settings.momentum, settings.final_momentum, 0, 0)};
}

double learning_rate_at(const EpochSchedule& schedule, double epoch) {
  if (epoch < schedule.warmup_epochs) return schedule.learning_rate * epoch / schedule.warmup_epochs;
  const double length = schedule.epochs - schedule.warmup_epochs;
  const double phase = length > 0 ? std::numbers::pi * (epoch - schedule.warmup_epochs) / length : 0;
  return schedule.final_learning_rate +
         (schedule.learning_rate - schedule.final_learning_rate) * 0.5 * (1 + std::cos(phase));
}

}  // namespace chexworld
