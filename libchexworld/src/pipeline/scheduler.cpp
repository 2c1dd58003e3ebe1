// SPDX-License-Identifier: Apache-2.0
#include "pipeline/scheduler.h"

#include "base/failure.h"
#include "base/log.h"

#include <algorithm>
#include <utility>

namespace chexworld {
namespace {

const Error kCancelledError(ErrorCode::kCancelled, "pipeline: cancelled");

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options, SchedulerParts parts, ModelPointer model)
    : options_(options), parts_(std::move(parts)), model_(std::move(model)), streams_(std::size_t(options.streams)) {
  for (std::size_t i = streams_.size(); i > 0; --i) idle_streams_.push_back(i - 1);
}

// ---- in ------------------------------------------------------------------------------------------------

bool Scheduler::has_room(std::size_t bytes) const {
  return admitted_items_ < options_.max_items && admitted_bytes_ + bytes <= options_.max_bytes;
}

void Scheduler::wait_for_room(Lock& lock, std::size_t bytes) {
  const std::uint64_t ticket = ++next_ticket_, cancellations = cancellations_;
  line_.push_back(ticket);
  const auto given_up = [&] { return closed_ || cancellations_ != cancellations; };
  changed_.wait(lock, [&] { return given_up() || (line_.front() == ticket && has_room(bytes)); });
  line_.erase(std::find(line_.begin(), line_.end(), ticket));
  changed_.notify_all();  // the next in line, or close()
  if (given_up()) throw Failure(kCancelledError);
}

ItemPointer Scheduler::admit(PipelineItem& input, OutcomeCallback callback) {
  const auto item = std::make_shared<Item>();
  item->bytes = content_bytes(input);
  item->input = std::move(input);
  if (options_.ordered) item->input.lane = 1;
  item->callback = std::move(callback);
  item->outcome.sequence = ++stats_.submitted;
  item->submitted_at = item->waiting_since = std::chrono::steady_clock::now();
  admitted_items_ += 1;
  admitted_bytes_ += item->bytes;
  inside_.emplace(item->outcome.sequence, item);
  lanes_.enter(item);
  return item;
}

ItemPointer Scheduler::submit(PipelineItem& input, OutcomeCallback callback, bool wait) {
  require_content(input);
  const std::size_t bytes = content_bytes(input);
  if (bytes > options_.max_bytes)
    fail(ErrorCode::kTooLarge, "pipeline: an item of " + std::to_string(bytes) + " bytes is above the limit of " +
                                   std::to_string(options_.max_bytes) + " (max_bytes)");
  if (wait && delivering_here())
    fail(ErrorCode::kConflict, "pipeline: submit() in a callback would wait for itself; use try_submit()");
  Lock lock(mutex_);
  if (wait) {
    if (!line_.empty() || !has_room(bytes)) wait_for_room(lock, bytes);
  } else if (!line_.empty() || !has_room(bytes)) {
    ++stats_.refused;
    fail(ErrorCode::kResourceExhausted, "pipeline: full; try again when something has been answered");
  }
  ItemPointer item = admit(input, std::move(callback));
  if (std::holds_alternative<NormalizedPixels>(item->input.content)) {
    item->outcome.result = RadiographResult{};
    item->pixels = std::move(std::get<NormalizedPixels>(item->input.content).values);
    settle(item);
  } else {
    waiting_.push_back(item);
  }
  advance(lock);
  return item;
}

// ---- models --------------------------------------------------------------------------------------------

/// Where an item goes whose pixels are there: on to inference if they suit the model that serves.
void Scheduler::settle(const ItemPointer& item) {
  if (item->recipe && item->recipe != model_->recipe && *item->recipe != *model_->recipe) {
    ++stats_.prepared_again;
    item->stage = ItemStage::kWaiting;
    item->waiting_since = std::chrono::steady_clock::now();
    item->pixels = {};
    waiting_.push_front(item);
  } else if (item->pixels.size() != model_->image_values()) {
    finish(item, Error(ErrorCode::kInvalidArgument, "pipeline: " + std::to_string(item->pixels.size()) +
                                                        " pixel values do not fit the model, which takes " +
                                                        std::to_string(model_->image_values())));
  } else {
    item->stage = ItemStage::kPrepared;
    item->prepared_at = std::chrono::steady_clock::now();
    item->prepared_order = ++last_prepared_order_;
    prepared_.push_back(item);
  }
}

bool Scheduler::uses(const LoadedModel* model) const {
  return std::any_of(streams_.begin(), streams_.end(),
                     [&](const Stream& stream) { return stream.model.get() == model; });
}

void Scheduler::switch_to(ModelPointer model) {
  ModelPointer old;  // freed last, and not while others wait for the mutex
  Lock lock(mutex_);
  old = std::exchange(model_, std::move(model));
  ++stats_.switches;
  for (const ItemPointer& item : std::exchange(prepared_, {})) settle(item);
  advance(lock);
  lock.lock();
  changed_.wait(lock, [&] { return !uses(old.get()) || closed_; });
}

ModelPointer Scheduler::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

// ---- out -----------------------------------------------------------------------------------------------

void Scheduler::finish(const ItemPointer& item, Result<RadiographResult> result) {
  item->outcome.result = std::move(result);
  item->stage = ItemStage::kFinished;
  item->computed_at = std::chrono::steady_clock::now();
  item->pixels = {};
  item->input.content = {};
  item->outcome.attributes = std::move(item->input.attributes);
  lanes_.finished(item, to_store_);
}

void Scheduler::finish_cancelled(const ItemPointer& item) {
  item->cancelled = true;
  finish(item, kCancelledError);
}

void Scheduler::acknowledge(const ItemPointer& item, Result<void> stored) {
  Lock lock(mutex_);
  if (closed_ || item->stage != ItemStage::kStoring) return;
  if (!stored.ok()) item->outcome.result = stored.error();
  item->stage = ItemStage::kStored;
  const Moment now = std::chrono::steady_clock::now();
  item->outcome.timings.stored_ms = milliseconds_between(item->computed_at, now);
  item->outcome.timings.total_ms = milliseconds_between(item->submitted_at, now);
  lanes_.stored(item, to_answer_);
  advance(lock);
}

void Scheduler::count(const Result<RadiographResult>& result) {
  if (!result.ok())
    ++(result.error().code() == ErrorCode::kCancelled ? stats_.cancelled : stats_.failed);
  else
    ++(result->gate.accepted() ? stats_.embedded : stats_.skipped);
}

void Scheduler::answer(const ItemPointer& item, PipelineOutcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    count(outcome.result);
    admitted_items_ -= 1;
    admitted_bytes_ -= item->bytes;
  }
  changed_.notify_all();
  if (item->callback) {
    const auto called = capture([&] { item->callback(std::move(outcome)); });
    if (!called.ok()) log_error("pipeline: a callback threw: " + called.error().message());
    item->callback = nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    inside_.erase(item->outcome.sequence);
    item->answered = true;
  }
  changed_.notify_all();
}

// ---- the end -------------------------------------------------------------------------------------------

bool Scheduler::answered_up_to(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  return inside_.empty() || inside_.begin()->first > sequence;
}

std::uint64_t Scheduler::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return stats_.submitted;
}

void Scheduler::drain() {
  Lock lock(mutex_);
  const std::uint64_t last = stats_.submitted;
  changed_.wait(lock, [&] { return inside_.empty() || inside_.begin()->first > last; });
}

std::size_t Scheduler::cancel() {
  Lock lock(mutex_);
  ++cancellations_;
  std::size_t count = 0;
  for (std::deque<ItemPointer>* queue : {&waiting_, &prepared_}) {
    for (const ItemPointer& item : std::exchange(*queue, {})) {
      finish_cancelled(item);
      ++count;
    }
  }
  for (const auto& [sequence, item] : inside_) {
    if (item->stage != ItemStage::kDecoding || item->cancelled) continue;
    item->cancelled = true;
    ++count;
  }
  changed_.notify_all();
  advance(lock);
  return count;
}

/// Everything still inside, with the answers it gets now. A sink may still read the outcomes it was given.
std::vector<std::pair<ItemPointer, PipelineOutcome>> Scheduler::last_answers() {
  std::vector<std::pair<ItemPointer, PipelineOutcome>> answers;
  for (const auto& [sequence, item] : inside_) {
    const bool computed = item->stage >= ItemStage::kFinished;
    const bool durable = item->stage == ItemStage::kStored || !parts_.sink || item->cancelled;
    PipelineOutcome outcome;
    if (computed && durable) {
      outcome = std::move(item->outcome);
      item->outcome.sequence = sequence;
    } else {
      outcome = {sequence, computed ? item->outcome.attributes : item->input.attributes, kCancelledError,
                 item->outcome.timings};
    }
    answers.emplace_back(item, std::move(outcome));
  }
  for (auto* queue : {&waiting_, &prepared_, &to_store_, &to_answer_}) queue->clear();
  lanes_ = {};
  return answers;
}

void Scheduler::close() {
  Lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return running_ == 0 && line_.empty(); });
  auto answers = last_answers();
  lock.unlock();
  for (auto& [item, outcome] : answers) answer(item, std::move(outcome));
}

PipelineStats Scheduler::stats() const {
  const std::lock_guard lock(mutex_);
  PipelineStats stats = stats_;
  stats.inside = inside_.size();
  stats.waiting = waiting_.size();
  stats.prepared = prepared_.size();
  stats.bytes = admitted_bytes_;
  return stats;
}

}  // namespace chexworld
