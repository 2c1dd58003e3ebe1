// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/feeder.h"

#include "base/failure.h"
#include "base/log.h"

#include <algorithm>
#include <unistd.h>

namespace chexworld::plugin {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kQuiet{2'000};         // looks for work whose time has come this often
constexpr milliseconds kPause{250};           // before an item is sent again
constexpr milliseconds kLongestPause{4'000};  // between claims while the worker is away
constexpr milliseconds kLease{60'000};
constexpr milliseconds kAnswerLimit{60'000};
constexpr int kMostLosses = 3;  // an object over which the worker was lost this often is left to its lease

std::string owner() { return "orthanc-plugin-" + std::to_string(getpid()); }

std::string text_in(const Json& json, const char* key) { return json.value(key, std::string()); }

}  // namespace

Feeder::Feeder(const Archive& archive, WorkerClient& client, const FeederOptions& options,
               std::function<void(const std::string&)> gone)
    : archive_(archive),
      client_(client),
      senders_(std::size_t(options.senders)),
      gone_(std::move(gone)),
      pace_(options.per_second),
      backfill_pace_(options.backfill_per_second) {
  threads_.emplace_back([this](const std::stop_token& stop) { claim_all(stop); });
  for (int i = 0; i < options.senders; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { send_all(stop); });
}

void Feeder::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

FeederState Feeder::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

// ---- claiming ----

void Feeder::claim_all(const std::stop_token& stop) {
  Patience patience(kPause, kLongestPause);
  while (!stop.stop_requested()) {
    std::size_t room = 0;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return items_.size() < senders_; })) return;
      room = 2 * senders_ - items_.size();
    }
    if (const milliseconds pause = pace_.wait(SteadyClock::now()); pause.count() > 0) {
      wake_.wait(stop, pause);
      continue;
    }
    Result<std::vector<Item>> claimed = capture([&] { return claim(room); });
    set_trouble(claimed.ok() ? "" : claimed.error().message());
    if (!claimed.ok()) {
      wake_.rest(stop, patience.next());
      continue;
    }
    patience.renew();
    if (claimed->empty()) {
      const milliseconds until_backfill = backfill_pace_.wait(SteadyClock::now());
      wake_.wait(stop, until_backfill.count() > 0 ? std::min(until_backfill, kQuiet) : kQuiet);
      continue;
    }
    const std::scoped_lock lock(mutex_);
    state_.in_hand += std::uint32_t(claimed->size());
    std::move(claimed->begin(), claimed->end(), std::back_inserter(items_));
    changed_.notify_all();
  }
}

void Feeder::set_trouble(const std::string& sentence) {
  const std::scoped_lock lock(mutex_);
  if (state_.trouble == sentence) return;
  if (!sentence.empty()) log_warning("asking the worker for work waits: " + sentence);
  state_.trouble = sentence;
}

/// A limit on backfill must not hold up arrivals: while it holds, only these are asked for.
std::vector<Feeder::Item> Feeder::claim(std::size_t most) {
  const bool all = backfill_pace_.ready(SteadyClock::now());
  // Another Orthanc that shares the queue has other films: what lies there is not ours to fetch.
  Json request{{"owner", owner()}, {"most", most}, {"lease_ms", kLease.count()}, {"server", archive_.server()}};
  if (!all) request["priority"] = "arrival";
  const Json answer = call_json(client_, "POST", "/v1/work/claim", request);
  std::vector<Item> items;
  for (const Json& item : answer.at("items"))
    items.push_back({item.at("work").get<std::int64_t>(), item.at("claim").get<std::int64_t>(), item.at("location"),
                     item.value("priority", "") == "backfill"});
  pace_.took(items.size(), SteadyClock::now());
  backfill_pace_.took(std::size_t(std::count_if(items.begin(), items.end(), [](const Item& i) { return i.backfill; })),
                      SteadyClock::now());
  return items;
}

// ---- sending ----

void Feeder::send_all(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Item item;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !items_.empty(); })) return;
      item = std::move(items_.front());
      items_.pop_front();
      changed_.notify_all();
    }
    send(item, stop);
    const std::scoped_lock lock(mutex_);
    --state_.in_hand;
  }
}

void Feeder::send(const Item& item, const std::stop_token& stop) {
  const auto end = std::chrono::steady_clock::now() + kLease;
  int losses = 0;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < end && losses < kMostLosses) {
    const Result<bool> settled = capture([&] { return send_once(item); });
    if (settled.ok() && *settled) return;
    if (!settled.ok()) {
      ++losses;
      const std::scoped_lock lock(mutex_);
      ++state_.repeated;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kPause, [] { return false; });
  }
}

bool Feeder::send_once(const Item& item) {
  const Json& place = item.location;
  const std::string id = text_in(place, "instance_id");
  WorkerRequest request;
  request.method = "POST";
  request.target = "/v1/instances?server=" + url_encoded(text_in(place, "server")) +
                   "&orthanc-instance=" + url_encoded(id) + "&work=" + std::to_string(item.work) +
                   "&claim=" + std::to_string(item.claim);
  request.content_type = "application/dicom";
  request.time_limit = kAnswerLimit;
  WorkerAnswer answer;
  const bool there = archive_.with_dicom(id, [&](std::string_view file) {
    request.body = file;
    answer = client_.call(request).value();
  });
  if (!there) {
    gone_(id);
    const std::scoped_lock lock(mutex_);
    ++state_.gone;
    return true;
  }
  if (answer.status == 503 || answer.status == 429) return false;  // full, or shutting down
  count(answer);
  return true;
}

void Feeder::count(const WorkerAnswer& answer) {
  const Json json = Json::parse(answer.body, nullptr, false);
  const bool skipped = answer.ok() && json.is_object() && json.value("status", "") == "skipped";
  const std::scoped_lock lock(mutex_);
  ++(!answer.ok() ? state_.refused : skipped ? state_.skipped : state_.embedded);
}

}  // namespace chexworld::plugin
