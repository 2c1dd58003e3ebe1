// SPDX-License-Identifier: Apache-2.0
//
// The pipeline itself: a state machine whose transitions are tasks on executors.
//
//   waiting -> decoding -> prepared -> inference -> finished -> storing -> stored -> answered
//
// Every transition takes the mutex, moves items between queues, and posts whatever may begin now; only submit(),
// drain(), switch_to() and close() ever wait. Knows neither engines nor bundles, so that it can be tested without.
#pragma once

#include "pipeline/item.h"
#include "pipeline/lanes.h"
#include "pipeline/model.h"
#include "sandbox/decoder.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace chexworld {

struct SchedulerOptions {
  std::size_t max_items = 64;
  std::size_t max_bytes = std::size_t(1) << 30;
  std::chrono::nanoseconds latency_budget{};
  int decoders = 1;
  int streams = 1;
  std::int64_t max_batch = 8;
  bool ordered = false;
};

struct SchedulerParts {
  std::shared_ptr<RadiographDecoder> decoder;
  std::shared_ptr<ResultSink> sink;  ///< may be null
  Executor* work = nullptr;          ///< decodes and delivers; must outlive close()
  Executor* inference = nullptr;     ///< likewise
};

/// Thread safe. Always in a shared_ptr: tasks that are still queued after close() keep it and do nothing.
class Scheduler : public std::enable_shared_from_this<Scheduler> {
 public:
  Scheduler(const SchedulerOptions& options, SchedulerParts parts, ModelPointer model);

  /// Throws Failure as Pipeline::submit() and try_submit() promise; then `item` is untouched.
  ItemPointer submit(PipelineItem& item, OutcomeCallback callback, bool wait);
  /// Whether everything up to this sequence has been answered.
  bool answered_up_to(std::uint64_t sequence) const;
  std::uint64_t last_sequence() const;
  void drain();
  std::size_t cancel();
  /// What ~Pipeline promises. Nothing is posted afterwards.
  void close();

  /// Switches between two batches; returns when the old model has finished.
  void switch_to(ModelPointer model);
  ModelPointer model() const;
  PipelineStats stats() const;

  /// Whether the calling thread is in one of this pipeline's callbacks or its sink.
  bool delivering_here() const;

 private:
  struct Stream {
    ModelPointer model;  // while it computes
    std::vector<float> images;
    EncodedBatch numbers;
  };
  struct Task {
    Executor* where;
    std::chrono::nanoseconds delay;
    std::function<void()> run;
  };
  using Batch = std::vector<ItemPointer>;
  using Lock = std::unique_lock<std::mutex>;

  // ---- scheduler.cpp; with the mutex held unless said otherwise
  bool has_room(std::size_t bytes) const;
  void wait_for_room(Lock& lock, std::size_t bytes);
  ItemPointer admit(PipelineItem& item, OutcomeCallback callback);
  void finish(const ItemPointer& item, Result<RadiographResult> result);
  void finish_cancelled(const ItemPointer& item);
  void settle(const ItemPointer& item);
  bool uses(const LoadedModel* model) const;
  void acknowledge(const ItemPointer& item, Result<void> stored);  // takes the mutex
  void answer(const ItemPointer& item, PipelineOutcome outcome);   // takes the mutex
  void count(const Result<RadiographResult>& result);
  std::vector<std::pair<ItemPointer, PipelineOutcome>> last_answers();

  // ---- scheduler_work.cpp; likewise
  void advance(Lock& lock);  // releases the mutex and posts what may begin
  std::vector<Task> begin_what_may();
  void begin_decoding(std::vector<Task>& tasks);
  void begin_batches(std::vector<Task>& tasks);
  void begin_delivery(std::vector<Task>& tasks);
  std::int64_t next_batch() const;
  bool budget_over() const;
  Batch take_batch(std::int64_t size);
  template <class Work>
  std::function<void()> task(Work work);

  static Result<void> run(Stream& stream, std::span<const ItemPointer> items);  // without the mutex
  static void compute(Stream& stream, const Batch& batch);                      // likewise

  // tasks; they take the mutex themselves
  void decode(const ItemPointer& item);
  void infer(const Batch& batch, std::size_t stream);
  void timer_fired(std::uint64_t through);
  void deliver();
  void store(const ItemPointer& item);

  const SchedulerOptions options_;
  const SchedulerParts parts_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // with mutex_; anything that somebody may wait for

  // All below guarded by mutex_.
  ModelPointer model_;
  std::map<std::uint64_t, ItemPointer> inside_;  // by sequence
  std::deque<ItemPointer> waiting_, prepared_, to_store_, to_answer_;
  Lanes lanes_;
  std::vector<Stream> streams_;
  std::vector<std::size_t> idle_streams_;
  std::deque<std::uint64_t> line_;  // who waits in submit(), in turn
  std::uint64_t next_ticket_ = 0;
  std::uint64_t cancellations_ = 0;
  std::size_t admitted_items_ = 0, admitted_bytes_ = 0;
  std::uint64_t last_prepared_order_ = 0;
  std::uint64_t flush_through_ = 0;  // prepared up to here: waits for no more
  int decoding_ = 0;
  int running_ = 0;  // tasks
  bool timer_set_ = false;
  bool delivering_ = false;
  bool closed_ = false;
  PipelineStats stats_;
};

}  // namespace chexworld
