// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/reconciler.h"

#include "base/failure.h"
#include "base/log.h"

namespace chexworld::plugin {
namespace {

using std::chrono::milliseconds;

constexpr int kPage = 1000;
constexpr milliseconds kTroublePause{2'000};  // the worker is starting, or away

}  // namespace

Reconciler::Reconciler(const Archive& archive, WorkerClient& client, const ReconcilerOptions& options,
                       std::function<void(const std::string&)> gone)
    : archive_(archive), client_(client), options_(options), gone_(std::move(gone)), pace_(options.per_second) {
  if (options_.interval.count() > 0) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Reconciler::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

ReconcilerState Reconciler::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

void Reconciler::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Result<bool> compared = capture([&] { return compare(stop); });
    wake_.wait(stop, compared.ok() ? options_.interval : kTroublePause);
  }
}

bool Reconciler::compare(const std::stop_token& stop) {
  const std::string list = "/v1/locations/" + url_encoded(archive_.server()) + "?limit=" + std::to_string(kPage);
  {
    const std::scoped_lock lock(mutex_);
    state_.checked = state_.gone = 0;
  }
  std::string after;
  for (;;) {
    const Json page = call_json(client_, "GET", list + "&after=" + url_encoded(after));
    const auto ids = page.at("instance_ids").get<std::vector<std::string>>();
    if (ids.empty()) break;
    for (const std::string& id : ids)
      if (!check(id, stop)) return false;
    after = ids.back();
  }
  const std::scoped_lock lock(mutex_);
  ++state_.rounds;
  if (state_.gone > 0)
    log_info(std::to_string(state_.gone) + " of " + std::to_string(state_.checked) +
             " known instances were deleted unseen; their results go too");
  return true;
}

bool Reconciler::check(const std::string& instance_id, const std::stop_token& stop) {
  if (const auto pause = pace_.wait(std::chrono::steady_clock::now()); pause.count() > 0) wake_.wait(stop, pause);
  if (stop.stop_requested()) return false;
  pace_.took(1, std::chrono::steady_clock::now());
  const bool there = archive_.has(instance_id);
  if (!there) gone_(instance_id);
  const std::scoped_lock lock(mutex_);
  ++state_.checked;
  state_.gone += there ? 0 : 1;
  return !stop.stop_requested();
}

}  // namespace chexworld::plugin
