// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "stand_ins.h"

#include <atomic>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

constexpr SchedulerOptions kOptions{.latency_budget = std::chrono::milliseconds(1), .decoders = 2, .streams = 1};

bool cancelled(const PipelineOutcome& outcome) {
  return !outcome.result.ok() && outcome.result.error().code() == ErrorCode::kCancelled;
}

TEST(SchedulerEnd, CancelAnswersWhatIsNotComputedYetAndGoesOn) {
  Door door;
  Bench bench(kOptions, make_model({.before_run = [&] { door.wait(); }}));
  bench.submit(make_item(Command::kFilm, 1));
  door.wait_for_visitors(1);  // one is being computed
  for (int i = 0; i < 2; ++i) bench.submit(make_item(Command::kDoor, 2));
  bench.decoder->door.wait_for_visitors(2);  // two are being decoded
  for (int i = 0; i < 10; ++i) bench.submit(make_item(Command::kFilm, 3, 1));
  EXPECT_EQ(bench.scheduler->cancel(), 12u);
  bench.wait_for_outcomes(10);  // those that only waited, at once
  EXPECT_EQ(bench.scheduler->cancel(), 0u);
  bench.decoder->door.open();
  door.open();
  bench.submit(make_item(Command::kFilm, 4));
  bench.scheduler->drain();
  for (const PipelineOutcome& outcome : bench.outcomes())
    EXPECT_EQ(cancelled(outcome), outcome.sequence > 1 && outcome.sequence <= 13) << outcome.sequence;
  const PipelineStats stats = bench.scheduler->stats();
  EXPECT_EQ(stats.cancelled, 12u);
  EXPECT_EQ(stats.embedded, 2u);
}

TEST(SchedulerEnd, CancelReleasesThoseWhoWaitInSubmit) {
  SchedulerOptions options = kOptions;
  options.max_items = 1;
  Door door;
  Bench bench(options, make_model({.before_run = [&] { door.wait(); }}));
  bench.submit(make_item(Command::kFilm, 1));
  door.wait_for_visitors(1);
  std::atomic<bool> released = false;
  std::thread waiting([&] {
    const auto outcome = capture([&] { bench.submit(make_item(Command::kFilm, 2)); });
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().code(), ErrorCode::kCancelled);
    released = true;
  });
  while (!released) {
    bench.scheduler->cancel();
    std::this_thread::yield();
  }
  waiting.join();
  door.open();
  bench.scheduler->drain();
  EXPECT_EQ(bench.outcomes().size(), 1u);
}

TEST(SchedulerEnd, DrainWaitsForEarlierItemsOnly) {
  Bench bench(kOptions, make_model({}));
  std::atomic<bool> stop = false;
  std::thread feeder([&] {
    while (!stop) bench.submit(make_item(Command::kFilm, 1));
  });
  for (int i = 0; i < 20; ++i) bench.scheduler->drain();  // returns although arrivals never end
  stop = true;
  feeder.join();
  bench.scheduler->drain();
  EXPECT_EQ(bench.outcomes().size(), bench.scheduler->stats().submitted);
}

TEST(SchedulerEnd, DestructionAnswersEverythingOnceWithWorkInFlight) {
  for (int round = 0; round < 30; ++round) {
    std::atomic<int> answered = 0, computed = 0;
    {
      Bench bench(kOptions, make_model({}));
      for (int i = 0; i < 30; ++i) {
        PipelineItem item = make_item(i % 4 == 0 ? Command::kBroken : Command::kFilm, 1, std::uint64_t(i % 3));
        bench.scheduler->submit(
            item,
            [&](const PipelineOutcome& outcome) {
              ++answered;
              if (outcome.result.ok()) ++computed;
            },
            true);
      }
      while (answered < round) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    EXPECT_EQ(answered, 30);
    EXPECT_LE(computed, 22);
  }
}

TEST(SchedulerEnd, AnExecutorThatNeverRunsCannotHoldUpTheEnd) {
  StepExecutor executor;
  int answered = 0;
  {
    const auto scheduler = std::make_shared<Scheduler>(
        kOptions, SchedulerParts{std::make_shared<StandInDecoder>(), {}, &executor, &executor}, make_model({}));
    for (int i = 0; i < 5; ++i) {
      PipelineItem item = make_item(Command::kFilm, 1);
      scheduler->submit(item, [&](const PipelineOutcome& outcome) { answered += cancelled(outcome); }, true);
    }
    scheduler->close();
  }
  EXPECT_EQ(answered, 5);
  EXPECT_GT(executor.queued(), 0u);
  executor.run_all();  // what was left does nothing
  EXPECT_EQ(answered, 5);
}

}  // namespace
}  // namespace chexworld::test
