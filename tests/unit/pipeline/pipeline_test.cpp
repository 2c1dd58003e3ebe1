// SPDX-License-Identifier: Apache-2.0
#include "image/png.h"
#include "image/prepare.h"
#include "real_models.h"
#include "stand_ins.h"

#include <fstream>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

class PipelineTest : public testing::Test {
 protected:
  Pipeline open(const PipelineOptions& options) { return Pipeline::open(models_.path(0), options).value(); }

  RealModels models_{1, small_shape(), 3};
};

TEST_F(PipelineTest, TakesFilesBytesAndPictures) {
  Pipeline pipeline = open(plain_options());
  GrayImage ramp{64, 48, std::vector<std::uint8_t>(64 * 48)};
  StoredPixels stored{48, 64, 16, false, std::vector<std::uint16_t>(64 * 48)};
  for (std::size_t i = 0; i < ramp.pixels.size(); ++i) {
    ramp.pixels[i] = std::uint8_t(i % 64 * 4);
    stored.samples[i] = std::uint16_t(i % 64 * 500);
  }
  std::ofstream(models_.folder / "film.dcm")
      .write(reinterpret_cast<const char*>(models_.films()[0].data()), std::streamsize(models_.films()[0].size()));
  auto bytes = pipeline.submit(models_.item(0)).value().get();
  auto file = pipeline.submit({.content = models_.folder / "film.dcm", .with_patches = true}).value().get();
  auto picture = pipeline.submit({.content = ramp}).value().get();
  auto png = pipeline.submit({.content = encode_png(ramp)}).value().get();
  auto deep = pipeline.submit({.content = stored}).value().get();

  EXPECT_TRUE(models_.is_right(bytes));
  EXPECT_EQ(bytes.result->model_id, models_.id(0));
  EXPECT_NE(bytes.result->tags, nullptr);
  EXPECT_TRUE(bytes.result->patches.empty());
  EXPECT_EQ(file.result->embedding, bytes.result->embedding);
  EXPECT_EQ(file.result->patches.size(), 16u * 48u);
  EXPECT_EQ(picture.result->embedding, png.result->embedding);
  EXPECT_EQ(picture.result->embedding.size(), 48u);
  EXPECT_EQ(deep.result->embedding.size(), 48u);
  double length = 0;
  for (const float value : bytes.result->normalized) length += double(value) * double(value);
  EXPECT_NEAR(length, 1, 1e-5);
}

TEST_F(PipelineTest, WithoutThreadsSubmitDoesTheWork) {
  PipelineOptions options = plain_options();
  options.threads = 0;
  Pipeline pipeline = open(options);
  for (std::size_t i = 0; i < 6; ++i) {
    auto answer = pipeline.submit(models_.item(i)).value();
    ASSERT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_TRUE(models_.is_right(answer.get()));
  }
  int answered = 0;
  ASSERT_TRUE(pipeline
                  .submit(models_.item(0),
                          [&](const PipelineOutcome&) {
                            PipelineItem next = models_.item(1);
                            EXPECT_TRUE(
                                pipeline.try_submit(std::move(next), [&](const PipelineOutcome&) { ++answered; }).ok());
                            ++answered;
                          })
                  .ok());
  pipeline.drain();
  EXPECT_EQ(answered, 2);
}

TEST_F(PipelineTest, WithoutThreadsSeveralCallersShareTheWork) {
  PipelineOptions options = plain_options();
  options.threads = 0;
  Pipeline pipeline = open(options);
  std::vector<std::thread> callers;
  for (std::size_t t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      for (std::size_t i = 0; i < 10; ++i)
        EXPECT_TRUE(models_.is_right(pipeline.submit(models_.item(i + t)).value().get()));
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(PipelineTest, RunsOnTheHostsExecutor) {
  PipelineOptions options = plain_options();
  const auto executor = std::make_shared<StepExecutor>();
  options.executor = executor;
  Pipeline pipeline = open(options);
  auto answer = pipeline.submit(models_.item(0)).value();
  while (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    executor->run_all();
    executor->fire_timers();
  }
  EXPECT_TRUE(models_.is_right(answer.get()));
}

TEST_F(PipelineTest, RunsOnAFixedNumberOfThreads) {
  for (const int threads : {1, 2, 5}) {
    PipelineOptions options = plain_options();
    options.threads = threads;
    Pipeline pipeline = open(options);
    std::vector<std::future<PipelineOutcome>> answers;
    for (std::size_t i = 0; i < 20; ++i) answers.push_back(pipeline.submit(models_.item(i)).value());
    for (auto& answer : answers) EXPECT_TRUE(models_.is_right(answer.get()));
  }
}

TEST_F(PipelineTest, AFutureOutlivesThePipeline) {
  std::vector<std::future<PipelineOutcome>> answers;
  {
    Pipeline pipeline = open(plain_options());
    for (std::size_t i = 0; i < 30; ++i) answers.push_back(pipeline.submit(models_.item(i)).value());
  }
  for (auto& answer : answers) {
    const PipelineOutcome outcome = answer.get();
    if (outcome.result.ok())
      EXPECT_TRUE(models_.is_right(outcome));
    else
      EXPECT_EQ(outcome.result.error().code(), ErrorCode::kCancelled);
  }
}

TEST_F(PipelineTest, FindsTheNumberOfStreamsByMeasuring) {
  PipelineOptions options = plain_options();
  options.streams = 0;
  const PipelineModel model = open(options).model();
  EXPECT_GE(model.streams, 1);
  EXPECT_LE(model.streams, 2);
  EXPECT_EQ(model.streams * model.engine.threads, 2);
  EXPECT_FALSE(model.remarks.empty());
}

TEST_F(PipelineTest, AnotherImageSizeIsPreparedToo) {
  PipelineOptions options = plain_options();
  options.engine.image_size = 64;
  Pipeline pipeline = open(options);
  EXPECT_TRUE(pipeline.submit(models_.item(0)).value().get().result.ok());
}

TEST_F(PipelineTest, ImpossibleOptionsAreRefused) {
  const auto refused = [&](const std::function<void(PipelineOptions&)>& spoil) {
    PipelineOptions options = plain_options();
    spoil(options);
    const auto pipeline = Pipeline::open(models_.path(0), options);
    return !pipeline.ok() && pipeline.error().code() == ErrorCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](PipelineOptions& options) { options.threads = -2; }));
  EXPECT_TRUE(refused([](PipelineOptions& options) { options.streams = -1; }));
  EXPECT_TRUE(refused([](PipelineOptions& options) { options.decoders = -1; }));
  EXPECT_TRUE(refused([](PipelineOptions& options) { options.max_items = 0; }));
  EXPECT_TRUE(refused([](PipelineOptions& options) { options.max_bytes = 0; }));
  EXPECT_TRUE(refused([](PipelineOptions& options) { options.engine.max_batch = 0; }));
  EXPECT_TRUE(refused([](PipelineOptions& options) { options.latency_budget = std::chrono::milliseconds(-1); }));
}

}  // namespace
}  // namespace chexworld::test
