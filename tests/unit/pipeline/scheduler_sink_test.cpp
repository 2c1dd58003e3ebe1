// SPDX-License-Identifier: Apache-2.0
#include "stand_ins.h"

#include <atomic>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

constexpr SchedulerOptions kOptions{.latency_budget = std::chrono::milliseconds(1), .decoders = 2, .streams = 2};

/// Keeps what it was given until told, and what it saw.
class HoldingSink final : public ResultSink {
 public:
  void put(const PipelineOutcome& outcome, Done done) override {
    EXPECT_EQ(++inside_, 1);  // one call at a time
    const std::lock_guard lock(mutex_);
    seen_.push_back(outcome.sequence);
    if (let_go_)
      done({});
    else
      held_.emplace_back(outcome.sequence, std::move(done));
    --inside_;
  }

  /// Acknowledges the item of this sequence, waiting for it to come.
  void acknowledge(std::uint64_t sequence, Result<void> result = {}) { take(sequence)(std::move(result)); }
  void drop(std::uint64_t sequence) { take(sequence); }
  void let_go() {
    std::unique_lock lock(mutex_);
    let_go_ = true;
    auto held = std::exchange(held_, {});
    lock.unlock();
    for (auto& [sequence, done] : held) done({});
  }
  std::vector<std::uint64_t> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  Done take(std::uint64_t sequence) {
    for (;; std::this_thread::yield()) {
      const std::lock_guard lock(mutex_);
      for (auto at = held_.begin(); at != held_.end(); ++at) {
        if (at->first != sequence) continue;
        Done done = std::move(at->second);
        held_.erase(at);
        return done;
      }
    }
  }

  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, Done>> held_;
  std::vector<std::uint64_t> seen_;
  bool let_go_ = false;
  std::atomic<int> inside_ = 0;
};

TEST(SchedulerSink, AnAnswerMeansStored) {
  const auto sink = std::make_shared<HoldingSink>();
  Bench bench(kOptions, make_model({}), sink);
  bench.submit(make_item(Command::kFilm, 1));
  bench.submit(make_item(Command::kBroken, 2));
  while (sink->seen().size() < 2) std::this_thread::yield();  // errors go there too
  EXPECT_TRUE(bench.outcomes().empty());
  sink->acknowledge(2);
  bench.wait_for_outcomes(1);
  EXPECT_EQ(bench.outcomes()[0].sequence, 2u);
  sink->acknowledge(1);
  bench.scheduler->drain();
  EXPECT_EQ(bench.outcomes().size(), 2u);
}

TEST(SchedulerSink, ItsFailureIsTheItemsAnswer) {
  const auto sink = std::make_shared<HoldingSink>();
  Bench bench(kOptions, make_model({}), sink);
  bench.submit(make_item(Command::kFilm, 1));
  sink->acknowledge(1, Error(ErrorCode::kResourceExhausted, "the disk is full"));
  bench.scheduler->drain();
  ASSERT_FALSE(bench.outcomes()[0].result.ok());
  EXPECT_EQ(bench.outcomes()[0].result.error().message(), "the disk is full");
  EXPECT_EQ(bench.scheduler->stats().failed, 1u);
}

TEST(SchedulerSink, AnOutcomeItThrowsAwayIsAnError) {
  const auto sink = std::make_shared<HoldingSink>();
  Bench bench(kOptions, make_model({}), sink);
  bench.submit(make_item(Command::kFilm, 1));
  sink->drop(1);
  bench.scheduler->drain();
  ASSERT_FALSE(bench.outcomes()[0].result.ok());
  EXPECT_EQ(bench.outcomes()[0].result.error().code(), ErrorCode::kInternal);
}

TEST(SchedulerSink, AnExceptionIsTheItemsAnswer) {
  struct Throwing final : ResultSink {
    void put(const PipelineOutcome&, Done) override { throw Failure(ErrorCode::kUnavailable, "no database"); }
  };
  Bench bench(kOptions, make_model({}), std::make_shared<Throwing>());
  bench.submit(make_item(Command::kFilm, 1));
  bench.scheduler->drain();
  ASSERT_FALSE(bench.outcomes()[0].result.ok());
  EXPECT_EQ(bench.outcomes()[0].result.error().code(), ErrorCode::kUnavailable);
}

TEST(SchedulerSink, AnswersOfALaneKeepTheirOrderWhateverTheSinkDoes) {
  const auto sink = std::make_shared<HoldingSink>();
  Bench bench(kOptions, make_model({}), sink);
  for (int i = 0; i < 4; ++i) bench.submit(make_item(Command::kFilm, std::uint8_t(i), 5));
  sink->acknowledge(4);
  sink->acknowledge(2);
  sink->acknowledge(3);
  EXPECT_EQ(sink->seen(), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_TRUE(bench.outcomes().empty());
  sink->acknowledge(1);
  bench.scheduler->drain();
  const auto outcomes = bench.outcomes();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(outcomes[i].sequence, i + 1);
}

TEST(SchedulerSink, ASlowSinkHoldsArrivalsBackInsteadOfPilingUp) {
  const auto sink = std::make_shared<HoldingSink>();
  SchedulerOptions options = kOptions;
  options.max_items = 4;
  Bench bench(options, make_model({}), sink);
  std::atomic<int> taken = 0;
  std::thread feeder([&] {
    for (int i = 0; i < 20; ++i, ++taken) bench.submit(make_item(Command::kFilm, 1));
  });
  while (sink->seen().size() < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(taken, 4);
  sink->let_go();
  feeder.join();
  bench.scheduler->drain();
  EXPECT_EQ(bench.outcomes().size(), 20u);
}

TEST(SchedulerSink, WhatItHasNotAcknowledgedIsCancelledAtTheEnd) {
  const auto sink = std::make_shared<HoldingSink>();
  std::vector<PipelineOutcome> outcomes;
  {
    Bench bench(kOptions, make_model({}), sink);
    PipelineItem item = make_item(Command::kFilm, 1);
    bench.scheduler->submit(item, [&](PipelineOutcome outcome) { outcomes.push_back(std::move(outcome)); }, true);
    while (sink->seen().empty()) std::this_thread::yield();
  }
  ASSERT_EQ(outcomes.size(), 1u);
  ASSERT_FALSE(outcomes[0].result.ok());
  EXPECT_EQ(outcomes[0].result.error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(outcomes[0].attributes.at("value"), "1");
  sink->acknowledge(1);  // too late, and harmless
  EXPECT_EQ(outcomes.size(), 1u);
}

}  // namespace
}  // namespace chexworld::test
