// SPDX-License-Identifier: Apache-2.0
#include "retrieval/retrieval.h"

#include "base/failure.h"
#include "base/parallel.h"
#include "retrieval/follower.h"
#include "retrieval/index_check.h"
#include "retrieval/searcher.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace chexworld {
namespace {

constexpr std::chrono::seconds kOverviewEvery{5};  // counting results takes a while in large stores

FollowerOptions follower_options(const RetrievalOptions& options) {
  FollowerOptions follower;
  follower.index.links = options.links;
  follower.index.build_width = options.build_width;
  follower.page = options.page;
  follower.threads = options.threads;
  return follower;
}

}  // namespace

class Retrieval::Impl {
 public:
  Impl(Store& store, const RetrievalOptions& options)
      : store_(store),
        options_(options),
        indexes_(options.folder, options.opening),
        follower_(store, indexes_, follower_options(options)) {}

  ~Impl() {
    {
      const std::scoped_lock lock(stop_mutex_);
      stopping_ = true;
    }
    stop_changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void start(std::function<void(const Error&)> trouble);
  std::uint64_t catch_up();
  void persist();
  SearchReply search(const SearchRequest& request);
  std::vector<IndexProgress> progress();
  void serve_model(const std::string& model_id);
  void drop_index(const std::string& model_id);
  std::vector<std::string> verify();

  const IndexSet& indexes() const { return indexes_; }
  unsigned threads() const { return options_.threads; }

 private:
  void run(const std::function<void(const Error&)>& trouble);
  std::uint64_t tick(bool overview);
  void look_over();
  void switch_over();
  void forget_dropped();
  void persist_when_due(std::uint64_t applied);
  ModelRecord model_of(const std::string& model_id);
  bool knows(const std::string& model_id) const;

  Store& store_;
  const RetrievalOptions options_;
  IndexSet indexes_;

  std::mutex follow_mutex_;  // held while following; guards the next block
  IndexFollower follower_;
  std::vector<ModelState> models_;
  std::chrono::steady_clock::time_point looked_at_{}, persisted_at_ = std::chrono::steady_clock::now();
  std::uint64_t unpersisted_ = 0;
  std::optional<std::string> store_active_;  // when it was last looked at
  bool chosen_by_hand_ = false;              // serve_model() was called since the store activated

  mutable std::mutex known_mutex_;
  std::map<std::string, ModelRecord> known_;  // guarded by known_mutex_

  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;  // guarded by stop_mutex_
  std::thread thread_;
};

// ---- following ----

void Retrieval::Impl::start(std::function<void(const Error&)> trouble) {
  if (thread_.joinable()) fail(ErrorCode::kConflict, "the store is being followed already");
  thread_ = std::thread([this, told = std::move(trouble)] { run(told); });
}

void Retrieval::Impl::run(const std::function<void(const Error&)>& trouble) {
  bool well = true;
  std::unique_lock lock(stop_mutex_);
  while (!stopping_) {
    lock.unlock();
    const auto done = capture([&] {
      const std::scoped_lock following(follow_mutex_);
      return tick(std::chrono::steady_clock::now() - looked_at_ >= kOverviewEvery);
    });
    if (!done && well && trouble) trouble(done.error());
    well = done.ok();
    lock.lock();
    if (!done || *done == 0) stop_changed_.wait_for(lock, options_.poll, [&] { return stopping_; });
  }
  lock.unlock();
  const auto saved = capture([&] { persist(); });
  if (!saved && trouble) trouble(saved.error());
}

std::uint64_t Retrieval::Impl::catch_up() {
  const std::scoped_lock lock(follow_mutex_);
  return tick(true);
}

std::uint64_t Retrieval::Impl::tick(bool overview) {
  if (overview || store_.active_model() != store_active_) look_over();
  std::uint64_t applied = 0;
  for (const ModelState& state : models_) applied += follower_.follow(state.model);
  switch_over();
  if (overview) forget_dropped();
  persist_when_due(applied);
  return applied;
}

// Models come and go, and an index may hold another number of rows than its store although it is at the same change:
// then it belongs to another store.
void Retrieval::Impl::look_over() {
  models_ = store_.models();
  looked_at_ = std::chrono::steady_clock::now();
  {
    const std::scoped_lock lock(known_mutex_);
    known_.clear();
    for (const ModelState& state : models_) known_[state.model.model_id] = state.model;
  }
  for (const ModelState& state : models_) {
    const auto index = indexes_.find(state.model.model_id);
    if (index && index->position() == state.last_sequence && index->size() != state.results)
      follower_.fill_again(state.model);
  }
  const std::optional<std::string> active = store_.active_model();
  if (active != store_active_) chosen_by_hand_ = false;
  store_active_ = active;
}

bool Retrieval::Impl::knows(const std::string& model_id) const {
  return std::any_of(models_.begin(), models_.end(),
                     [&](const ModelState& state) { return state.model.model_id == model_id; });
}

void Retrieval::Impl::switch_over() {
  const std::string serving = indexes_.active_model();
  if (!store_active_ || chosen_by_hand_ || serving == *store_active_ || !indexes_.find(*store_active_)) return;
  if (!knows(serving) || !indexes_.find(serving)) return indexes_.switch_to(*store_active_);
  const std::uint64_t missing = store_.missing(*store_active_);
  indexes_.set_goal(*store_active_, std::max<std::size_t>(1, indexes_.find(*store_active_)->size() + missing));
  indexes_.switch_when_caught_up(*store_active_);
}

void Retrieval::Impl::forget_dropped() {
  for (const IndexSet::Status& status : indexes_.status())
    if (!knows(status.model) && status.model != indexes_.active_model()) indexes_.drop(status.model);
}

void Retrieval::Impl::persist_when_due(std::uint64_t applied) {
  unpersisted_ += applied;
  const auto now = std::chrono::steady_clock::now();
  if (unpersisted_ == 0) persisted_at_ = now;
  if (unpersisted_ < options_.persist_changes && now - persisted_at_ < options_.persist_after) return;
  indexes_.persist();
  unpersisted_ = 0;
  persisted_at_ = now;
}

void Retrieval::Impl::persist() {
  const std::scoped_lock lock(follow_mutex_);
  indexes_.persist();
  unpersisted_ = 0;
}

// ---- models ----

ModelRecord Retrieval::Impl::model_of(const std::string& model_id) {
  {
    const std::scoped_lock lock(known_mutex_);
    const auto found = known_.find(model_id);
    if (found != known_.end()) return found->second;
  }
  for (ModelState& state : store_.models())
    if (state.model.model_id == model_id) return std::move(state.model);
  fail(ErrorCode::kNotFound, "the store knows no model " + model_id);
}

std::vector<IndexProgress> Retrieval::Impl::progress() {
  std::map<std::string, std::uint64_t> newest;
  for (const ModelState& state : store_.models()) newest[state.model.model_id] = state.last_sequence;
  const std::string serving = indexes_.active_model();
  std::vector<IndexProgress> all;
  for (IndexSet::Status& status : indexes_.status()) {
    const std::uint64_t last = newest[status.model];
    const bool serves = status.model == serving;
    all.push_back({std::move(status), last, serves});
  }
  return all;
}

void Retrieval::Impl::serve_model(const std::string& model_id) {
  const std::scoped_lock lock(follow_mutex_);
  indexes_.switch_to(model_id);
  chosen_by_hand_ = true;
}

void Retrieval::Impl::drop_index(const std::string& model_id) {
  const std::scoped_lock lock(follow_mutex_);
  indexes_.drop(model_id);
}

std::vector<std::string> Retrieval::Impl::verify() {
  const std::scoped_lock lock(follow_mutex_);
  return index_contradictions(store_, indexes_);
}

// ---- searching ----

SearchReply Retrieval::Impl::search(const SearchRequest& request) {
  const std::string model_id = request.model_id.empty() ? indexes_.active_model() : request.model_id;
  if (model_id.empty()) fail(ErrorCode::kUnavailable, "there is no index yet: nothing has been embedded");
  const ModelRecord model = model_of(model_id);
  const std::shared_ptr<VectorIndex> index = indexes_.find(model_id);
  if (!index) fail(ErrorCode::kUnavailable, "the index of model " + model_id + " is being built: try again later");
  return search_index(store_, *index, model, request);
}

// ---- the outside ----

Retrieval::Retrieval(Store& store, const RetrievalOptions& options) : impl_(std::make_unique<Impl>(store, options)) {}
Retrieval::~Retrieval() = default;
void Retrieval::start(std::function<void(const Error&)> trouble) { impl_->start(std::move(trouble)); }
std::uint64_t Retrieval::catch_up() { return impl_->catch_up(); }
void Retrieval::persist() { impl_->persist(); }
SearchReply Retrieval::search(const SearchRequest& request) { return impl_->search(request); }
std::string Retrieval::serving_model() const { return impl_->indexes().active_model(); }
std::vector<IndexProgress> Retrieval::progress() { return impl_->progress(); }
void Retrieval::serve_model(const std::string& model_id) { impl_->serve_model(model_id); }
void Retrieval::drop_index(const std::string& model_id) { impl_->drop_index(model_id); }
std::vector<std::string> Retrieval::verify() { return impl_->verify(); }

std::vector<SearchReply> Retrieval::search_batch(std::span<const SearchRequest> requests) {
  std::vector<SearchReply> replies(requests.size());
  in_parallel(requests.size(), impl_->threads(), [&](std::size_t i) { replies[i] = search(requests[i]); });
  return replies;
}

}  // namespace chexworld
