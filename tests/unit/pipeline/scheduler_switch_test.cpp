// SPDX-License-Identifier: Apache-2.0
#include "stand_ins.h"

#include <atomic>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

constexpr SchedulerOptions kOptions{.latency_budget = std::chrono::milliseconds(1), .decoders = 2, .streams = 2};

/// The model that the result names, by its number; its pixels must follow that model's recipe.
int checked_model(const PipelineOutcome& outcome, const std::vector<float>& marks) {
  EXPECT_TRUE(outcome.result.ok());
  if (!outcome.result.ok()) return -1;
  const int number = int(outcome.result->embedding[0]);
  EXPECT_EQ(outcome.result->model_id, model_name(number));
  const auto value = std::uint8_t(std::stoi(outcome.attributes.at("value")));
  EXPECT_EQ(outcome.result->embedding[1], expected_pixel(value, marks[std::size_t(number)]));
  return number;
}

TEST(SchedulerSwitch, UnderLoadEveryResultComesFromTheModelItNames) {
  const std::vector<float> marks{0, 1, 1, 2};  // models 1 and 2 prepare alike, 3 otherwise
  Bench bench(kOptions, make_model({.number = 1, .recipe_mark = marks[1]}));
  std::atomic<bool> stop = false;
  std::vector<std::thread> feeders;
  for (int t = 0; t < 3; ++t) {
    feeders.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) bench.submit(make_item(Command::kFilm, std::uint8_t(i), std::uint64_t(t)));
    });
  }
  for (int swap = 0; swap < 300; ++swap) {
    const int number = swap % 3 + 1;
    bench.scheduler->switch_to(make_model({.number = number, .recipe_mark = marks[std::size_t(number)]}));
    bench.wait_for_outcomes(std::size_t(swap) * 3);
  }
  stop = true;
  for (std::thread& feeder : feeders) feeder.join();
  bench.scheduler->drain();
  const auto outcomes = bench.outcomes();
  const PipelineStats stats = bench.scheduler->stats();
  EXPECT_EQ(outcomes.size(), stats.submitted);
  EXPECT_EQ(stats.failed, 0u);
  EXPECT_EQ(stats.switches, 300u);
  for (const PipelineOutcome& outcome : outcomes) checked_model(outcome, marks);
}

TEST(SchedulerSwitch, TheOldModelIsGoneWhenTheSwitchReturns) {
  Bench bench(kOptions, make_model({.number = 1}));
  for (int i = 0; i < 20; ++i) bench.submit(make_item(Command::kFilm, 1));
  for (int swap = 2; swap < 20; ++swap) {
    const std::weak_ptr<const LoadedModel> old = bench.scheduler->model();
    bench.submit(make_item(Command::kFilm, 1));
    bench.scheduler->switch_to(make_model({.number = swap}));
    EXPECT_TRUE(old.expired());
  }
}

TEST(SchedulerSwitch, WaitsForTheBatchThatIsBeingComputed) {
  Door door;
  Bench bench(kOptions, make_model({.number = 1, .before_run = [&] { door.wait(); }}));
  bench.submit(make_item(Command::kFilm, 1));
  door.wait_for_visitors(1);
  std::atomic<bool> switched = false;
  std::thread switcher([&] {
    bench.scheduler->switch_to(make_model({.number = 2}));
    switched = true;
  });
  while (bench.scheduler->model()->facts.model_id != model_name(2)) std::this_thread::yield();
  bench.submit(make_item(Command::kFilm, 2));  // the new model serves while the old one finishes
  bench.wait_for_outcomes(1);
  EXPECT_EQ(checked_model(bench.outcomes()[0], {0, 0, 0}), 2);
  EXPECT_FALSE(switched);
  door.open();
  switcher.join();
  bench.scheduler->drain();
  EXPECT_EQ(checked_model(bench.outcomes()[1], {0, 0, 0}), 1);
}

TEST(SchedulerSwitch, WhatWasPreparedForAnotherRecipeIsPreparedAgain) {
  for (const float new_mark : {1.0F, 2.0F}) {
    Door door;
    SchedulerOptions options = kOptions;
    options.streams = 1;
    Bench bench(options, make_model({.number = 1, .recipe_mark = 1, .before_run = [&] { door.wait(); }}));
    for (int i = 0; i < 6; ++i) bench.submit(make_item(Command::kFilm, std::uint8_t(i)));
    door.wait_for_visitors(1);
    while (bench.scheduler->stats().prepared + bench.scheduler->stats().batches.begin()->first < 6)
      std::this_thread::yield();
    std::thread switcher([&] { bench.scheduler->switch_to(make_model({.number = 2, .recipe_mark = new_mark})); });
    while (bench.scheduler->model()->facts.model_id != model_name(2)) std::this_thread::yield();
    door.open();
    switcher.join();
    bench.scheduler->drain();
    int by_new = 0;
    for (const PipelineOutcome& outcome : bench.outcomes()) by_new += checked_model(outcome, {0, 1, new_mark}) == 2;
    EXPECT_GT(by_new, 0);
    EXPECT_EQ(bench.scheduler->stats().prepared_again > 0, new_mark != 1.0F);
  }
}

}  // namespace
}  // namespace chexworld::test
