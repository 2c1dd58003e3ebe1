// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "pipeline/batching.h"
#include "pipeline/film_facts.h"
#include "pipeline/preparation.h"
#include "pipeline/scheduler.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace chexworld {
namespace {

thread_local const Scheduler* delivering_scheduler = nullptr;

std::vector<float> row_of(const std::vector<float>& rows, std::size_t row, std::size_t count) {
  const std::size_t width = rows.size() / count;
  return {rows.begin() + std::ptrdiff_t(row * width), rows.begin() + std::ptrdiff_t((row + 1) * width)};
}

/// Probabilities where the head answers for this film, else why it does not.
void add_findings(const LoadedModel& model, const EncodedBatch& numbers, std::size_t row, std::span<const float> pixels,
                  RadiographResult& result) {
  result.findings = model.findings;
  result.abstained.reset();
  if (model.findings.empty()) return;
  if (model.domain)
    result.abstained = outside_domain(
        *model.domain, film_facts(result.gate, result.quality, pixels, model.recipe->normalization, *model.domain));
  if (result.abstained) return;
  for (std::size_t i = 0; i < result.findings.size(); ++i)
    result.findings[i].probability = double(numbers.findings[row * result.findings.size() + i]);
}

/// Adds what the model says about image `row` of `count`.
void add_numbers(const LoadedModel& model, const EncodedBatch& numbers, std::size_t row, std::size_t count,
                 bool with_patches, RadiographResult& result) {
  result.model_id = model.facts.model_id;
  result.precision = model.facts.engine.precision;
  result.embedding = row_of(numbers.embedding, row, count);
  result.normalized = row_of(numbers.normalized, row, count);
  if (with_patches) result.patches = row_of(numbers.patches, row, count);
}

/// Tells the scheduler exactly once, at the latest when the sink throws it away.
class Receipt {
 public:
  explicit Receipt(std::function<void(Result<void>)> tell) : tell_(std::move(tell)) {}
  ~Receipt() { give(Error(ErrorCode::kInternal, "pipeline: the sink dropped an outcome without an answer")); }
  Receipt(const Receipt&) = delete;
  Receipt& operator=(const Receipt&) = delete;

  void give(Result<void> result) {
    if (!given_.exchange(true)) tell_(std::move(result));
  }

 private:
  std::function<void(Result<void>)> tell_;
  std::atomic<bool> given_ = false;
};

}  // namespace

bool Scheduler::delivering_here() const { return delivering_scheduler == this; }

// ---- what may begin ------------------------------------------------------------------------------------

template <class Work>
std::function<void()> Scheduler::task(Work work) {
  return [self = shared_from_this(), work = std::move(work)] {
    {
      const std::lock_guard lock(self->mutex_);
      if (self->closed_) return;
      ++self->running_;
    }
    work();
    {
      const std::lock_guard lock(self->mutex_);
      --self->running_;
    }
    self->changed_.notify_all();
  };
}

void Scheduler::advance(Lock& lock) {
  const std::vector<Task> tasks = begin_what_may();
  lock.unlock();
  for (const Task& task : tasks) {
    if (task.delay.count() > 0)
      task.where->post_after(task.delay, task.run);
    else
      task.where->post(task.run);
  }
}

std::vector<Scheduler::Task> Scheduler::begin_what_may() {
  std::vector<Task> tasks;
  if (closed_) return tasks;
  begin_batches(tasks);
  begin_decoding(tasks);
  begin_delivery(tasks);
  return tasks;
}

void Scheduler::begin_decoding(std::vector<Task>& tasks) {
  // Enough for every stream's next batch; more would only occupy memory.
  const std::size_t ahead = streams_.size() * std::size_t(options_.max_batch) + std::size_t(options_.decoders);
  while (decoding_ < options_.decoders && !waiting_.empty() && std::size_t(decoding_) + prepared_.size() < ahead) {
    const ItemPointer item = std::move(waiting_.front());
    waiting_.pop_front();
    item->stage = ItemStage::kDecoding;
    ++decoding_;
    tasks.push_back({parts_.work, {}, task([this, item] { decode(item); })});
  }
}

bool Scheduler::budget_over() const {
  const Item& first = *prepared_.front();
  return first.prepared_order <= flush_through_ ||
         first.prepared_at + options_.latency_budget <= std::chrono::steady_clock::now();
}

std::int64_t Scheduler::next_batch() const {
  if (prepared_.empty() || idle_streams_.empty()) return 0;
  return batch_size({.prepared = prepared_.size(),
                     .idle_streams = int(idle_streams_.size()),
                     .largest = options_.max_batch,
                     .budget_over = budget_over()});
}

void Scheduler::begin_batches(std::vector<Task>& tasks) {
  while (const std::int64_t size = next_batch()) {
    const std::size_t stream = idle_streams_.back();
    idle_streams_.pop_back();
    streams_[stream].model = model_;
    tasks.push_back({parts_.inference, {}, task([this, batch = take_batch(size), stream] { infer(batch, stream); })});
  }
  if (prepared_.empty() || idle_streams_.empty() || timer_set_) return;
  timer_set_ = true;
  const auto left = prepared_.front()->prepared_at + options_.latency_budget - std::chrono::steady_clock::now();
  const std::uint64_t through = last_prepared_order_;
  tasks.push_back(
      {parts_.work, std::max(left, std::chrono::nanoseconds(1)), task([this, through] { timer_fired(through); })});
}

void Scheduler::begin_delivery(std::vector<Task>& tasks) {
  if (delivering_ || (to_store_.empty() && to_answer_.empty())) return;
  delivering_ = true;
  tasks.push_back({parts_.work, {}, task([this] { deliver(); })});
}

Scheduler::Batch Scheduler::take_batch(std::int64_t size) {
  Batch batch(prepared_.begin(), prepared_.begin() + size);
  prepared_.erase(prepared_.begin(), prepared_.begin() + size);
  ++stats_.batches[int(size)];
  const Moment now = std::chrono::steady_clock::now();
  for (const ItemPointer& item : batch) {
    item->stage = ItemStage::kInference;
    item->outcome.timings.gathered_ms += milliseconds_between(item->prepared_at, now);
    item->outcome.timings.batch = int(size);
  }
  return batch;
}

void Scheduler::timer_fired(std::uint64_t through) {
  Lock lock(mutex_);
  timer_set_ = false;
  flush_through_ = std::max(flush_through_, through);
  advance(lock);
}

// ---- decoding ------------------------------------------------------------------------------------------

void Scheduler::decode(const ItemPointer& item) {
  std::shared_ptr<const PreparationRecipe> recipe;
  std::string model_id;
  {
    const std::lock_guard lock(mutex_);  // not the model itself: decoding must not keep an old one alive
    recipe = model_->recipe;
    model_id = model_->facts.model_id;
  }
  PipelineTimings& timings = item->outcome.timings;
  const Moment begin = std::chrono::steady_clock::now();
  timings.queued_ms += milliseconds_between(item->waiting_since, begin);
  auto prepared = capture([&] { return prepare_item(item->input, *recipe, *parts_.decoder); });
  timings.decode_ms += milliseconds_between(begin, std::chrono::steady_clock::now());
  if (!prepared.ok() || !prepared->result.gate.accepted()) item->input.content = {};

  Lock lock(mutex_);
  --decoding_;
  if (item->cancelled) {
    finish_cancelled(item);
  } else if (!prepared.ok()) {
    finish(item, prepared.error());
  } else if (!prepared->result.gate.accepted()) {
    prepared->result.model_id = model_id;
    finish(item, std::move(prepared->result));
  } else {
    item->outcome.result = std::move(prepared->result);
    item->pixels = std::move(prepared->pixels);
    item->recipe = recipe;
    settle(item);
  }
  advance(lock);
}

// ---- inference -----------------------------------------------------------------------------------------

/// Runs these items together.
Result<void> Scheduler::run(Stream& stream, std::span<const ItemPointer> items) {
  const LoadedModel& model = *stream.model;
  const std::size_t values = model.image_values();
  const bool patches =
      std::any_of(items.begin(), items.end(), [](const ItemPointer& item) { return item->input.with_patches; });
  stream.images.resize(items.size() * values);
  for (std::size_t i = 0; i < items.size(); ++i)
    std::memcpy(&stream.images[i * values], items[i]->pixels.data(), values * sizeof(float));
  const auto ran =
      capture([&] { model.encoder->run(stream.images, std::int64_t(items.size()), patches, stream.numbers); });
  for (std::size_t i = 0; ran.ok() && i < items.size(); ++i) {
    RadiographResult& result = *items[i]->outcome.result;
    add_numbers(model, stream.numbers, i, items.size(), items[i]->input.with_patches, result);
    add_findings(model, stream.numbers, i, items[i]->pixels, result);
  }
  return ran;
}

/// Runs a batch; one bad picture in it does not spoil the others.
void Scheduler::compute(Stream& stream, const Batch& batch) {
  const auto together = run(stream, batch);
  if (together.ok()) return;
  for (const ItemPointer& item : batch) {
    const auto alone = batch.size() > 1 ? run(stream, {&item, 1}) : together;
    if (!alone.ok()) item->outcome.result = alone.error();
  }
}

void Scheduler::infer(const Batch& batch, std::size_t index) {
  Stream& stream = streams_[index];  // ours while it computes
  const Moment begin = std::chrono::steady_clock::now();
  compute(stream, batch);
  const double inference_ms = milliseconds_between(begin, std::chrono::steady_clock::now());
  for (const ItemPointer& item : batch) item->input.content = {};  // large: not while others wait for the mutex

  Lock lock(mutex_);
  stream.model.reset();
  idle_streams_.push_back(index);
  for (const ItemPointer& item : batch) {
    item->outcome.timings.inference_ms = inference_ms;
    finish(item, std::move(item->outcome.result));
  }
  changed_.notify_all();
  advance(lock);
}

// ---- delivery ------------------------------------------------------------------------------------------

void Scheduler::deliver() {
  const Scheduler* const outer = std::exchange(delivering_scheduler, this);
  Lock lock(mutex_);
  while (!closed_ && (!to_answer_.empty() || !to_store_.empty())) {
    std::deque<ItemPointer>& queue = to_answer_.empty() ? to_store_ : to_answer_;
    const bool answers = &queue == &to_answer_;
    const ItemPointer item = std::move(queue.front());
    queue.pop_front();
    if (!answers) item->stage = ItemStage::kStoring;
    lock.unlock();
    if (answers)
      answer(item, std::move(item->outcome));
    else
      store(item);
    lock.lock();
  }
  delivering_ = false;
  delivering_scheduler = outer;
}

void Scheduler::store(const ItemPointer& item) {
  if (!parts_.sink || item->cancelled) return acknowledge(item, {});
  const auto receipt = std::make_shared<Receipt>(
      [self = shared_from_this(), item](Result<void> result) { self->acknowledge(item, std::move(result)); });
  const auto put = capture(
      [&] { parts_.sink->put(item->outcome, [receipt](Result<void> result) { receipt->give(std::move(result)); }); });
  if (!put.ok()) receipt->give(put.error());
}

}  // namespace chexworld
