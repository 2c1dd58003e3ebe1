// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "real_models.h"
#include "support/sanitized.h"
#include "support/test_data.h"

#include <atomic>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <thread>
#include <unistd.h>

namespace chexworld::test {
namespace {

/// Submits from several threads until stopped, and checks every answer.
class Load {
 public:
  Load(Pipeline& pipeline, const RealModels& models) {
    for (std::size_t t = 0; t < 3; ++t) {
      threads_.emplace_back([&, t] {
        for (std::size_t i = t; !stop_; ++i) {
          const PipelineOutcome outcome = pipeline.submit(models.item(i)).value().get();
          ++answered_;
          if (!models.is_right(outcome)) ++wrong_;
          std::this_thread::sleep_for(std::chrono::milliseconds(2));  // loading yields to serving: leave it something
        }
      });
    }
  }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ~Load() { stop(); }

  int answered() const { return answered_; }
  int wrong() const { return wrong_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> answered_ = 0, wrong_ = 0;
  std::vector<std::thread> threads_;
};

double resident_megabytes() {
  std::ifstream status("/proc/self/statm");
  long total = 0, resident = 0;
  status >> total >> resident;
  return double(resident) * double(sysconf(_SC_PAGESIZE)) / 1e6;
}

TEST(Handover, TwoHundredSwapsUnderLoadGiveNoWrongAnswer) {
  const RealModels models(4, small_shape(), 3);
  Pipeline pipeline = Pipeline::open(models.path(0), plain_options()).value();
  Load load(pipeline, models);
  std::set<std::string> served;
  for (std::size_t swap = 1; swap <= 200; ++swap) {
    const std::size_t next = swap % models.count();
    const auto model = pipeline.activate(models.path(next), models.id(next));
    ASSERT_TRUE(model.ok()) << model.error().message();
    EXPECT_EQ(model->model_id, models.id(next));
    EXPECT_EQ(pipeline.model().model_id, models.id(next));
    served.insert(pipeline.submit(models.item(swap)).value().get().result.value().model_id);
  }
  load.stop();
  EXPECT_EQ(load.wrong(), 0);
  EXPECT_GT(load.answered(), 200);
  EXPECT_EQ(served.size(), models.count());
  EXPECT_EQ(pipeline.stats().switches, 200u);
  EXPECT_EQ(pipeline.stats().failed, 0u);
  report_coverage("answers during 200 swaps right", std::size_t(load.answered() - load.wrong()),
                  std::size_t(load.answered()));
}

TEST(Handover, MemoryReturnsToItsLevel) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep what is freed";
  EncoderShape shape = small_shape();
  shape.width = 192;
  shape.mlp_width = 768;
  shape.depth = 4;  // 7 MB of weights: two that stay would show
  const RealModels models(2, shape, 1);
  PipelineOptions options = plain_options();
  options.engine.max_batch = 2;
  Pipeline pipeline = Pipeline::open(models.path(0), options).value();
  const auto swap = [&](std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      ASSERT_TRUE(pipeline.activate(models.path(i % 2)).ok());
      ASSERT_TRUE(models.is_right(pipeline.submit(models.item(0)).value().get()));
    }
  };
  swap(10);
  const double before = resident_megabytes();
  swap(100);
  const double grown = resident_megabytes() - before;
  std::printf("resident memory after 100 swaps: %+.1f MB on %.0f MB\n", grown, before);
  EXPECT_LT(grown, 8) << "after 100 swaps";
}

TEST(Handover, RollsBackByIdOrToThePrevious) {
  const RealModels models(3, small_shape(), 1);
  Pipeline pipeline = Pipeline::open(models.path(0), plain_options()).value();
  EXPECT_EQ(pipeline.roll_back().error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(pipeline.activate(models.path(1)).ok());
  ASSERT_TRUE(pipeline.activate(models.path(2)).ok());
  EXPECT_EQ(pipeline.roll_back().value().model_id, models.id(1));
  EXPECT_EQ(pipeline.roll_back().value().model_id, models.id(2));
  EXPECT_EQ(pipeline.roll_back(models.id(0)).value().model_id, models.id(0));
  EXPECT_EQ(pipeline.roll_back("0123").error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(models.is_right(pipeline.submit(models.item(0)).value().get()));
}

TEST(Handover, ABundleThatIsNotWhatItWasCannotBeRolledBackTo) {
  const RealModels models(2, small_shape(), 1);
  Pipeline pipeline = Pipeline::open(models.path(0), plain_options()).value();
  ASSERT_TRUE(pipeline.activate(models.path(1)).ok());
  const std::vector<std::byte> other = read_file(models.path(1));
  write_file_atomically(models.path(0), [&](FileWriter& writer) { writer.write(other); });
  EXPECT_EQ(pipeline.roll_back().error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(pipeline.model().model_id, models.id(1));
}

}  // namespace
}  // namespace chexworld::test
