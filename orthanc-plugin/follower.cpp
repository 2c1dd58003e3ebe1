// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/follower.h"

#include "base/failure.h"
#include "base/log.h"

#include <algorithm>

namespace chexworld::plugin {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint32_t kPage = 500;          // changes at once
constexpr std::uint32_t kBackfillPage = 500;  // instances at once
constexpr std::size_t kMostRemovals = 100'000;
// Each look takes Orthanc's database for a moment, so what arrives within this time is found in one.
constexpr milliseconds kBetweenLooks{100};
constexpr milliseconds kFirstPause{500}, kLongestPause{4'000};  // while the worker is away

Json located(const std::vector<std::string>& instance_ids) {
  Json list = Json::array();
  for (const std::string& id : instance_ids) list.push_back({{"instance_id", id}});
  return list;
}

}  // namespace

Follower::Follower(const Archive& archive, WorkerClient& client, milliseconds poll_interval,
                   std::function<void()> queued)
    : archive_(archive), client_(client), poll_interval_(poll_interval), queued_(std::move(queued)) {}

void Follower::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Follower::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Follower::removed(const std::string& instance_id) {
  {
    const std::scoped_lock lock(mutex_);
    if (removals_.size() < kMostRemovals) removals_.push_back(instance_id);  // beyond: found gone when looked at
  }
  wake_.now();
}

bool Follower::backfill() {
  {
    const std::scoped_lock lock(mutex_);
    if (state_.backfilling) return false;
    state_.backfilling = true;
    state_.backfill = 0;
  }
  wake_.now();
  return true;
}

void Follower::process(const std::vector<std::string>& instance_ids) {
  call_json(client_, "PUT", "/v1/cursors/" + url_encoded(archive_.server()),
            {{"from", 0}, {"to", 0}, {"arrivals", located(instance_ids)}});
  queued_();
}

FollowerState Follower::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

void Follower::run(const std::stop_token& stop) {
  Patience patience(kFirstPause, kLongestPause);
  while (!stop.stop_requested()) {
    const Result<void> followed = capture([&] { follow(stop, patience); });
    if (followed.ok() || stop.stop_requested()) continue;
    set_trouble(followed.error().message());
    wake_.rest(stop, patience.next());
  }
}

/// Until something fails: then from the cursor that the worker remembers.
void Follower::follow(const std::stop_token& stop, Patience& patience) {
  server_ = archive_.server();
  read_cursor();
  set_trouble("");
  patience.renew();
  while (!stop.stop_requested()) {
    const auto looked = SteadyClock::now();
    report_removals();
    if (take_page()) continue;
    // The walk through the archive goes on only while the log is quiet.
    const bool idle = !backfill_step() && !wake_.wait(stop, poll_interval_);
    if (idle) read_cursor();
    wake_.rest(stop, std::chrono::ceil<milliseconds>(looked + kBetweenLooks - SteadyClock::now()));
    wake_.wait(stop, milliseconds(0));  // whoever called meanwhile is served by the look that follows
  }
}

/// What the worker remembers: less than we do where its store was deleted or set back, and then the rest is new again.
void Follower::read_cursor() {
  const Json known = call_json(client_, "GET", "/v1/cursors/" + url_encoded(server_));
  const std::scoped_lock lock(mutex_);
  state_.cursor = known.at("sequence").get<std::uint64_t>();
}

/// Whether there is more to read at once.
bool Follower::take_page() {
  const std::uint64_t from = state().cursor;
  const ChangePage page = archive_.changes(from, kPage);
  // A log that ends before our place belongs to a database that was set back: begin where it is now.
  const bool set_back = page.last < from;
  const std::uint64_t to = set_back ? page.last : page.up_to;
  if (set_back)
    log_warning("Orthanc's change log ends before the place remembered; POST /chexworld/backfill finds the rest");
  if (to != from) put({{"from", from}, {"to", to}, {"arrivals", located(page.new_instances)}});
  {
    const std::scoped_lock lock(mutex_);
    state_.cursor = to;
    state_.last = page.last;
  }
  return !page.done;
}

/// By this thread alone, and only what is gone now: an instance that was overwritten was deleted too, and its new
/// version may be in the queue already.
void Follower::report_removals() {
  std::vector<std::string> gone;
  {
    const std::scoped_lock lock(mutex_);
    gone = removals_;
  }
  if (gone.empty()) return;
  const std::size_t looked_at = gone.size();
  std::erase_if(gone, [&](const std::string& id) { return archive_.has(id); });
  if (!gone.empty()) put({{"from", 0}, {"to", 0}, {"removals", located(gone)}});
  const std::scoped_lock lock(mutex_);
  removals_.erase(removals_.begin(), removals_.begin() + std::ptrdiff_t(looked_at));
}

/// Whether a walk is under way.
bool Follower::backfill_step() {
  if (!state().backfilling) return false;
  const std::vector<std::string> ids = archive_.instances(walked_, kBackfillPage);
  if (!ids.empty()) put({{"from", 0}, {"to", 0}, {"priority", "backfill"}, {"arrivals", located(ids)}});
  walked_ = ids.empty() ? 0 : walked_ + ids.size();
  const std::scoped_lock lock(mutex_);
  state_.backfill += ids.size();
  state_.backfilling = !ids.empty();
  return state_.backfilling;
}

void Follower::put(const Json& change) {
  call_json(client_, "PUT", "/v1/cursors/" + url_encoded(server_), change);
  queued_();
}

void Follower::set_trouble(const std::string& sentence) {
  const std::scoped_lock lock(mutex_);
  if (state_.trouble == sentence) return;
  if (!sentence.empty()) log_warning("following Orthanc's change log waits: " + sentence);
  if (sentence.empty()) log_info("following Orthanc's change log goes on");
  state_.trouble = sentence;
}

}  // namespace chexworld::plugin
