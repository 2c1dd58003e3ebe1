// SPDX-License-Identifier: Apache-2.0
#include <chexworld/pipeline.h>

#include "base/failure.h"
#include "pipeline/bundle_loader.h"
#include "pipeline/handover.h"
#include "pipeline/scheduler.h"
#include "pipeline/thread_pool.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace chexworld {
namespace {

void require(bool condition, const char* sentence) {
  if (!condition) fail(ErrorCode::kInvalidArgument, std::string("pipeline: ") + sentence);
}

void require_possible(const PipelineOptions& options) {
  require(options.threads >= -1 && options.threads <= 1024, "threads must be from -1 to 1024");
  require(options.decoders >= 0 && options.decoders <= 1024, "decoders must be from 0 to 1024");
  require(options.streams >= 0 && options.streams <= 64, "streams must be from 0 to 64");
  require(options.max_items >= 1, "max_items must be at least 1");
  require(options.max_bytes >= 1, "max_bytes must be at least 1");
  require(options.latency_budget.count() >= 0 && options.latency_budget <= std::chrono::hours(1),
          "latency_budget must be from 0 to an hour");
}

bool synchronous(const PipelineOptions& options) { return !options.executor && options.threads == 0; }

/// How many streams the threads allow; 0: free to measure.
int wanted_streams(const PipelineOptions& options) {
  if (options.executor || options.threads < 0) return options.streams;
  if (options.threads <= 1) return 1;
  return std::min(options.streams, options.threads);
}

SchedulerOptions scheduler_options(const PipelineOptions& options, int streams) {
  SchedulerOptions made;
  made.max_items = options.max_items;
  made.max_bytes = options.max_bytes;
  if (!synchronous(options)) made.latency_budget = options.latency_budget;
  made.decoders = options.decoders > 0 ? options.decoders : std::max(1, int(std::thread::hardware_concurrency()));
  made.streams = streams;
  made.max_batch = options.engine.max_batch;
  made.ordered = options.ordered;
  return made;
}

std::pair<OutcomeCallback, std::future<PipelineOutcome>> promised() {
  const auto promise = std::make_shared<std::promise<PipelineOutcome>>();
  return {[promise](PipelineOutcome outcome) { promise->set_value(std::move(outcome)); }, promise->get_future()};
}

}  // namespace

struct Pipeline::Parts {
  Parts(const std::filesystem::path& bundle, const PipelineOptions& options) : executor(options.executor) {
    require_possible(options);
    auto loader = std::make_unique<BundleLoader>(options.engine, wanted_streams(options));
    ModelPointer model = loader->load(bundle, {});
    const SchedulerOptions made = scheduler_options(options, loader->streams());
    SchedulerParts parts{options.decoder ? options.decoder : make_in_process_decoder(), options.sink, executor.get(),
                         executor.get()};
    if (!executor) make_threads(options, made, parts);
    scheduler = std::make_shared<Scheduler>(made, std::move(parts), std::move(model));
    handover = std::make_unique<Handover>(scheduler, std::move(loader));
  }

  ~Parts() { scheduler->close(); }

  void make_threads(const PipelineOptions& options, const SchedulerOptions& made, SchedulerParts& parts) {
    if (options.threads == 0) {
      caller = std::make_unique<CallerExecutor>();
      parts.work = parts.inference = caller.get();
    } else if (options.threads > 0) {
      work = std::make_unique<ThreadPool>(options.threads);
      parts.work = parts.inference = work.get();
    } else {
      work = std::make_unique<ThreadPool>(made.decoders + 1);  // one for callbacks and sink
      inference = std::make_unique<ThreadPool>(made.streams);  // of their own: each has its OpenMP threads
      parts.work = work.get();
      parts.inference = inference.get();
    }
  }

  void submit(PipelineItem& item, OutcomeCallback callback, bool wait) {
    const ItemPointer inside = scheduler->submit(item, std::move(callback), wait);
    if (caller && !scheduler->delivering_here()) caller->run_until([&] { return inside->answered.load(); });
  }

  void drain() {
    if (!caller) return scheduler->drain();
    const std::uint64_t last = scheduler->last_sequence();
    caller->run_until([&] { return scheduler->answered_up_to(last); });
  }

  std::shared_ptr<Executor> executor;
  std::unique_ptr<CallerExecutor> caller;
  std::unique_ptr<ThreadPool> work;
  std::unique_ptr<ThreadPool> inference;
  std::shared_ptr<Scheduler> scheduler;
  std::unique_ptr<Handover> handover;
};

Pipeline::Pipeline(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

Result<Pipeline> Pipeline::open(const std::filesystem::path& bundle, const PipelineOptions& options) {
  return capture([&] { return Pipeline(std::make_unique<Parts>(bundle, options)); });
}

Result<std::future<PipelineOutcome>> Pipeline::submit(PipelineItem item) {
  return capture([&] {
    auto [callback, future] = promised();
    parts_->submit(item, std::move(callback), true);
    return std::move(future);
  });
}

Result<void> Pipeline::submit(PipelineItem item, OutcomeCallback callback) {
  return capture([&] { parts_->submit(item, std::move(callback), true); });
}

Result<std::future<PipelineOutcome>> Pipeline::try_submit(PipelineItem&& item) {
  return capture([&] {
    auto [callback, future] = promised();
    parts_->submit(item, std::move(callback), false);
    return std::move(future);
  });
}

Result<void> Pipeline::try_submit(PipelineItem&& item, OutcomeCallback callback) {
  return capture([&] { parts_->submit(item, std::move(callback), false); });
}

void Pipeline::drain() { parts_->drain(); }

std::size_t Pipeline::cancel() { return parts_->scheduler->cancel(); }

Result<PipelineModel> Pipeline::activate(const std::filesystem::path& bundle, std::string_view expected_id) {
  return capture([&] { return parts_->handover->activate(bundle, expected_id); });
}

Result<PipelineModel> Pipeline::roll_back(std::string_view model_id) {
  return capture([&] { return parts_->handover->roll_back(model_id); });
}

PipelineModel Pipeline::model() const { return parts_->scheduler->model()->facts; }

PipelineStats Pipeline::stats() const { return parts_->scheduler->stats(); }

}  // namespace chexworld
