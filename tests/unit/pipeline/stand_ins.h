// SPDX-License-Identifier: Apache-2.0
//
// A decoder, models, sinks and an executor that do what a test tells them, so that the scheduler can be tested without
// an engine, and under the thread sanitizer.
#pragma once

#include "pipeline/scheduler.h"
#include "pipeline/thread_pool.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace chexworld::test {

/// A door that is shut until opened.
class Door {
 public:
  void open();
  void wait();
  /// Waits until `count` threads stand before it.
  void wait_for_visitors(int count);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int visitors_ = 0;
};

/// Objects are two bytes: a command and a value. Pixels are value + 1000 * the recipe's first mean.
enum class Command : std::uint8_t {
  kFilm,    ///< a radiograph
  kSkip,    ///< the gate skips it
  kBroken,  ///< kMalformed
  kPoison,  ///< decodes, but no model can compute it
  kDoor,    ///< waits before the decoder's door, then a radiograph
};

class StandInDecoder final : public RadiographDecoder {
 public:
  using RadiographDecoder::decode;
  Result<PreparedRadiograph> decode(const RadiographSource& source, const PreparationRecipe& recipe,
                                    int film_side) override;
  Door door;
};

/// Model `number`: embedding {number, first pixel, 1}, every finding 0.75. `recipe_mark` goes into the recipe.
struct StandInModel {
  int number = 1;
  float recipe_mark = 0;
  std::function<void()> before_run = {};  ///< called in run()
  std::vector<std::string> labels = {};   ///< of findings
  std::optional<BundleDomain> domain = {};
};
ModelPointer make_model(const StandInModel& model);
std::string model_name(int number);

PipelineItem make_item(Command command, std::uint8_t value, std::uint64_t lane = 0);

/// The pixel that make_item(..., value) leads to with this recipe mark.
inline float expected_pixel(std::uint8_t value, float recipe_mark) { return float(value) + 1000 * recipe_mark; }

/// Runs nothing until told.
class StepExecutor final : public Executor {
 public:
  void post(std::function<void()> task) override;
  void post_after(std::chrono::nanoseconds delay, std::function<void()> task) override;

  void run_all();      ///< until nothing is left, timers not included
  bool fire_timers();  ///< posts what waits for time; false: nothing did
  std::size_t queued() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> tasks_, timers_;
};

/// A scheduler with threads of its own.
class Bench {
 public:
  explicit Bench(const SchedulerOptions& options, ModelPointer model, std::shared_ptr<ResultSink> sink = {});
  ~Bench() { scheduler->close(); }

  /// Submits and keeps what comes back.
  ItemPointer submit(PipelineItem item);
  std::vector<PipelineOutcome> outcomes();
  void wait_for_outcomes(std::size_t count);

  std::shared_ptr<StandInDecoder> decoder = std::make_shared<StandInDecoder>();
  ThreadPool work{4};
  ThreadPool inference{2};
  std::shared_ptr<Scheduler> scheduler;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<PipelineOutcome> outcomes_;
};

}  // namespace chexworld::test
