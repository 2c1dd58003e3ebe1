// SPDX-License-Identifier: Apache-2.0
#include "pipeline/scheduler.h"

#include "base/failure.h"
#include "stand_ins.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <set>

namespace chexworld::test {
namespace {

constexpr SchedulerOptions kOptions{.latency_budget = std::chrono::milliseconds(1), .decoders = 2, .streams = 2};

ErrorCode code_of(const PipelineOutcome& outcome) {
  return outcome.result.ok() ? ErrorCode::kInternal : outcome.result.error().code();
}

TEST(Scheduler, EveryItemIsAnsweredOnceWithItsOwnResult) {
  Bench bench(kOptions, make_model({.number = 3}));
  for (int i = 0; i < 200; ++i) bench.submit(make_item(Command::kFilm, std::uint8_t(i)));
  bench.scheduler->drain();
  const auto outcomes = bench.outcomes();
  ASSERT_EQ(outcomes.size(), 200u);
  std::set<std::uint64_t> sequences;
  for (const PipelineOutcome& outcome : outcomes) {
    ASSERT_TRUE(outcome.result.ok());
    EXPECT_TRUE(sequences.insert(outcome.sequence).second);
    EXPECT_EQ(outcome.result->model_id, model_name(3));
    const float value = std::stof(outcome.attributes.at("value"));
    EXPECT_EQ(outcome.result->embedding, (std::vector<float>{3, value, 1}));
    EXPECT_GE(outcome.timings.batch, 1);
  }
}

TEST(Scheduler, ManyThreadsSubmit) {
  Bench bench(kOptions, make_model({}));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        bench.submit(make_item(i % 5 == 0 ? Command::kSkip : Command::kFilm, std::uint8_t(t)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  bench.scheduler->drain();
  const PipelineStats stats = bench.scheduler->stats();
  EXPECT_EQ(stats.submitted, 400u);
  EXPECT_EQ(stats.embedded, 320u);
  EXPECT_EQ(stats.skipped, 80u);
  EXPECT_EQ(stats.inside, 0u);
  EXPECT_EQ(stats.bytes, 0u);
}

TEST(Scheduler, ErrorsAndSkipsConcernOneItemOnly) {
  Bench bench(kOptions, make_model({}));
  const std::vector<Command> commands{Command::kFilm, Command::kBroken, Command::kPoison, Command::kSkip};
  for (int i = 0; i < 40; ++i) bench.submit(make_item(commands[std::size_t(i) % 4], std::uint8_t(i)));
  bench.scheduler->drain();
  for (const PipelineOutcome& outcome : bench.outcomes()) {
    const auto command = commands[(outcome.sequence - 1) % 4];
    if (command == Command::kBroken || command == Command::kPoison) {
      EXPECT_EQ(code_of(outcome), command == Command::kBroken ? ErrorCode::kMalformed : ErrorCode::kUnsupported);
      continue;
    }
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().message();
    EXPECT_EQ(outcome.result->embedding.empty(), command == Command::kSkip);
    EXPECT_EQ(outcome.result->model_id, model_name(1));
  }
}

TEST(Scheduler, ALaneKeepsItsOrderWhileOthersOvertake) {
  Bench bench(kOptions, make_model({}));
  bench.submit(make_item(Command::kDoor, 0, 7));
  for (int i = 1; i < 20; ++i) bench.submit(make_item(Command::kFilm, std::uint8_t(i), i % 2 ? 7 : 0));
  bench.wait_for_outcomes(9);  // those without a lane
  bench.decoder->door.open();
  bench.scheduler->drain();
  std::vector<std::uint64_t> lane, others;
  for (const PipelineOutcome& outcome : bench.outcomes())
    (outcome.sequence == 1 || outcome.sequence % 2 == 0 ? lane : others).push_back(outcome.sequence);
  EXPECT_EQ(lane.size(), 11u);
  EXPECT_TRUE(std::is_sorted(lane.begin(), lane.end()));
  EXPECT_EQ(others.size(), 9u);
}

TEST(Scheduler, OrderedMeansAllInOrder) {
  SchedulerOptions options = kOptions;
  options.ordered = true;
  Bench bench(options, make_model({}));
  for (int i = 0; i < 300; ++i)
    bench.submit(make_item(i % 7 == 0 ? Command::kBroken : Command::kFilm, std::uint8_t(i), std::uint64_t(i % 3)));
  bench.scheduler->drain();
  const auto outcomes = bench.outcomes();
  ASSERT_EQ(outcomes.size(), 300u);
  for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(outcomes[i].sequence, i + 1);
}

TEST(Scheduler, IsNeverFullerThanAllowed) {
  SchedulerOptions options = kOptions;
  options.max_items = 5;
  options.max_bytes = 8;  // four items of two bytes
  std::atomic<std::size_t> most = 0;
  Scheduler* watched = nullptr;
  Bench bench(options, make_model({.before_run = [&] {
                const PipelineStats stats = watched->stats();
                most = std::max(most.load(), stats.bytes);
              }}));
  watched = bench.scheduler.get();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) bench.submit(make_item(Command::kFilm, 1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  bench.scheduler->drain();
  EXPECT_EQ(bench.scheduler->stats().embedded, 200u);
  EXPECT_LE(most, 8u);
  EXPECT_GE(most, 2u);
}

TEST(Scheduler, TrySubmitRefusesWhenFullAndLeavesTheItem) {
  SchedulerOptions options = kOptions;
  options.max_items = 2;
  Bench bench(options, make_model({}));
  for (int i = 0; i < 2; ++i) bench.submit(make_item(Command::kDoor, 1));
  PipelineItem third = make_item(Command::kFilm, 9);
  const auto refused = capture([&] { bench.scheduler->submit(third, {}, false); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(std::get<std::vector<std::byte>>(third.content).size(), 2u);
  EXPECT_EQ(bench.scheduler->stats().refused, 1u);
  bench.decoder->door.open();
  bench.scheduler->drain();
  EXPECT_TRUE(capture([&] { bench.scheduler->submit(third, {}, false); }).ok());
  bench.scheduler->drain();
}

TEST(Scheduler, WhatCannotFitIsRefusedAtOnce) {
  SchedulerOptions options = kOptions;
  options.max_bytes = 1;
  Bench bench(options, make_model({}));
  const auto refused = capture([&] { bench.submit(make_item(Command::kFilm, 1)); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kTooLarge);
}

TEST(Scheduler, PicturesThatAreNoneAreRefused) {
  Bench bench(kOptions, make_model({}));
  for (const GrayImage& film : {GrayImage{}, GrayImage{2, 2, {1, 2, 3}}, GrayImage{-2, -2, {1, 2, 3, 4}}}) {
    const auto refused = capture([&] { bench.submit({.content = film}); });
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(capture([&] { bench.submit({.content = StoredPixels{1, 2, 16, false, {1}}}); }).ok());
}

TEST(Scheduler, PixelsThatDoNotFitTheModelAreAnsweredSo) {
  Bench bench(kOptions, make_model({}));
  bench.submit({.content = NormalizedPixels{std::vector<float>(12, 5.0F)}, .with_patches = true});
  bench.submit({.content = NormalizedPixels{std::vector<float>(11, 5.0F)}});
  bench.scheduler->drain();
  for (const PipelineOutcome& outcome : bench.outcomes()) {
    if (outcome.sequence == 2) {
      EXPECT_EQ(code_of(outcome), ErrorCode::kInvalidArgument);
    } else {
      ASSERT_TRUE(outcome.result.ok());
      EXPECT_EQ(outcome.result->embedding[1], 5.0F);
      EXPECT_EQ(outcome.result->patches, std::vector<float>{7});
    }
  }
}

TEST(Scheduler, ASubmitInACallbackIsRefusedInsteadOfWaitingForever) {
  Bench bench(kOptions, make_model({}));
  std::atomic<int> refused = 0, taken = 0;
  PipelineItem item = make_item(Command::kFilm, 1);
  bench.scheduler->submit(
      item,
      [&](PipelineOutcome) {
        PipelineItem next = make_item(Command::kFilm, 2);
        const auto blocking = capture([&] { bench.scheduler->submit(next, {}, true); });
        if (!blocking.ok() && blocking.error().code() == ErrorCode::kConflict) ++refused;
        bench.scheduler->submit(next, [&](PipelineOutcome) { ++taken; }, false);
      },
      true);
  while (taken == 0) std::this_thread::yield();
  EXPECT_EQ(refused, 1);
}

TEST(Scheduler, ACallbackThatThrowsHarmsNobody) {
  Bench bench(kOptions, make_model({}));
  PipelineItem item = make_item(Command::kFilm, 1);
  bench.scheduler->submit(item, [](PipelineOutcome) { throw std::runtime_error("on purpose"); }, true);
  bench.submit(make_item(Command::kFilm, 2));
  bench.scheduler->drain();
  EXPECT_EQ(bench.outcomes().size(), 1u);
}

// ---- batches --------------------------------------------------------------------------------------------

TEST(Scheduler, ArrivalsWithinTheBudgetShareABatch) {
  StepExecutor executor;
  const auto decoder = std::make_shared<StandInDecoder>();
  const auto scheduler = std::make_shared<Scheduler>(
      SchedulerOptions{.latency_budget = std::chrono::hours(1), .decoders = 8, .streams = 1, .max_batch = 8},
      SchedulerParts{decoder, {}, &executor, &executor}, make_model({}));
  std::vector<int> batches;
  const auto submit = [&] {
    PipelineItem item = make_item(Command::kFilm, 1);
    scheduler->submit(item, [&](const PipelineOutcome& outcome) { batches.push_back(outcome.timings.batch); }, true);
    executor.run_all();
  };
  for (int i = 0; i < 5; ++i) submit();
  EXPECT_TRUE(batches.empty());  // the budget is not over
  ASSERT_TRUE(executor.fire_timers());
  executor.run_all();
  EXPECT_EQ(batches, (std::vector<int>{4, 4, 4, 4}));
  ASSERT_TRUE(executor.fire_timers());  // the fifth has a budget of its own
  executor.run_all();
  ASSERT_EQ(batches.size(), 5u);
  EXPECT_EQ(batches[4], 1);
  batches.clear();
  for (int i = 0; i < 8; ++i) submit();
  EXPECT_EQ(batches, std::vector<int>(8, 8));  // full: no timer needed
  scheduler->close();
}

TEST(Scheduler, DecodesAheadNoMoreThanTheNextBatchesNeed) {
  Door door;
  SchedulerOptions options = kOptions;
  options.max_items = 200;
  options.max_batch = 4;
  Bench bench(options, make_model({.before_run = [&] { door.wait(); }}));
  for (int i = 0; i < 100; ++i) bench.submit(make_item(Command::kFilm, 1));
  door.wait_for_visitors(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(bench.scheduler->stats().prepared, 10u);  // 2 streams of 4, 2 decoders
  door.open();
  bench.scheduler->drain();
  EXPECT_EQ(bench.outcomes().size(), 100u);
}

}  // namespace
}  // namespace chexworld::test
