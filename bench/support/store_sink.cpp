// SPDX-License-Identifier: Apache-2.0
#include "bench/support/store_sink.h"

#include "base/failure.h"

namespace chexworld::bench {

StoreSink::StoreSink(const std::filesystem::path& path, std::int64_t width)
    : store_(open_store(path.string())), width_(width), thread_([this] { work(); }) {}

StoreSink::~StoreSink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void StoreSink::put(const PipelineOutcome& outcome, Done done) {
  if (!outcome.result.ok() || outcome.result->embedding.empty()) return done({});
  Outcome filed;
  filed.model_id = outcome.result->model_id;
  filed.instance.sop_instance_uid = "1.2." + std::to_string(outcome.sequence);
  filed.instance.study_instance_uid = "1.3";
  filed.instance.series_instance_uid = "1.4";
  filed.result.model_id = filed.model_id;
  filed.result.embedding = outcome.result->embedding;
  filed.result.preprocessing_version = "1";
  filed.result.precision = name_of(outcome.result->precision);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(filed), std::move(done)});
  }
  wake_.notify_one();
}

void StoreSink::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto all = std::exchange(waiting_, {});
    lock.unlock();
    commit(std::move(all));
    lock.lock();
  }
}

void StoreSink::commit(std::vector<Waiting> all) {
  const auto stored = capture([&] {
    Batch batch;
    for (Waiting& waiting : all) {
      if (known_models_.insert(waiting.outcome.model_id).second)
        store_->add_model({waiting.outcome.model_id, "bench", std::uint32_t(width_), {}});
      batch.outcomes.push_back(std::move(waiting.outcome));
    }
    store_->commit(batch);
  });
  for (const Waiting& waiting : all) waiting.done(stored);
}

}  // namespace chexworld::bench
