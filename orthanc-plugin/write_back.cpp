// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/write_back.h"

#include "base/failure.h"
#include "base/log.h"

#include <algorithm>

namespace chexworld::plugin {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr int kPage = 50;                    // results at once
constexpr std::size_t kMostStable = 10'000;  // beyond that the quiet time decides

std::uint64_t sequence_of(const Json& result) { return result.at("sequence").get<std::uint64_t>(); }

std::uint64_t newest_of(const Json& instances) {
  std::uint64_t newest = 0;
  for (const Json& instance : instances) newest = std::max(newest, sequence_of(instance));
  return newest;
}

/// Whether it lies with whoever we depend on, so that waiting helps.
bool is_outage(const Error& error) {
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout ||
         error.code() == ErrorCode::kCancelled;
}

}  // namespace

WriteBack::WriteBack(WorkerClient& client, StudyArchive& archive, StudyWriter& writer, WriteBackOptions options)
    : client_(client), archive_(archive), writer_(writer), options_(std::move(options)) {}

void WriteBack::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void WriteBack::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void WriteBack::study_is_stable(const std::string& study_id) {
  {
    const std::scoped_lock lock(mutex_);
    if (stable_.size() < kMostStable) stable_.insert(study_id);
  }
  wake_.now();
}

void WriteBack::rewind() {
  rewind_ = true;
  wake_.now();
}

WriteBackState WriteBack::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

// ---- following ----

void WriteBack::run(const std::stop_token& stop) {
  Patience patience(options_.first_pause, options_.longest_pause);
  while (!stop.stop_requested()) {
    const Result<milliseconds> wait = capture([&] { return step(stop); });
    if (wait.ok()) {
      patience.renew();
      set_trouble("");
      if (wait->count() > 0) wake_.wait(stop, *wait);
      continue;
    }
    if (stop.stop_requested()) return;
    set_trouble(wait.error().message());
    model_.clear();  // the cursor is read anew
    wake_.rest(stop, patience.next());
  }
}

/// One page of results; how long to wait before the next.
milliseconds WriteBack::step(const std::stop_token& stop) {
  if (server_.empty()) server_ = archive_.server();
  if (!model_.empty()) rewind_if_asked();
  Json page = results_after(reached_, kPage);
  if (const std::string active = page.at("model_id").get<std::string>(); active != model_) {
    begin_with(active);
    page = results_after(reached_, kPage, model_);
  }
  {
    const std::scoped_lock lock(mutex_);
    const auto last = page.at("last_sequence").get<std::uint64_t>();
    state_.behind = last > reached_ ? last - reached_ : 0;
  }
  for (const Json& change : page.at("changes")) {
    if (stop.stop_requested()) break;
    const milliseconds wait = take_care(change);
    if (wait.count() > 0) {
      keep_place();
      return std::min(wait, options_.poll);
    }
    reached_ = sequence_of(change);
  }
  keep_place();
  return page.at("changes").empty() ? options_.poll : milliseconds(0);
}

/// How long it has to wait; zero: it is taken care of.
milliseconds WriteBack::take_care(const Json& change) {
  const std::string uid = change.value("study_instance_uid", "");
  if (uid.empty()) return milliseconds(0);  // removed, or of no study
  const WorkerAnswer answer =
      client_.call({.target = "/v1/studies/" + url_encoded(uid) + "?model-id=" + model_}).value();
  if (answer.status == 404) return milliseconds(0);
  if (!answer.ok()) throw Failure(error_of(answer));
  const Json found = parse_json(answer.body, "the worker's answer");
  // Of a study's results only the newest counts: with it the study is written, once.
  if (newest_of(found.at("instances")) != sequence_of(change)) return milliseconds(0);
  const std::optional<std::string> study_id = archive_.study(uid);
  if (!study_id) return milliseconds(0);  // another Orthanc's, or gone
  const milliseconds wait = until_due(change, *study_id);
  if (wait.count() > 0) return wait;
  keep_place();
  write({uid, *study_id, model_, found.at("instances")}, sequence_of(change));
  next_write_ = SteadyClock::now() + options_.interval;
  const std::scoped_lock lock(mutex_);
  stable_.erase(*study_id);
  return milliseconds(0);
}

milliseconds WriteBack::until_due(const Json& change, const std::string& study_id) const {
  const milliseconds age(change.at("age_ms").get<std::int64_t>());
  bool stable = false;
  {
    const std::scoped_lock lock(mutex_);
    stable = stable_.contains(study_id);
  }
  const milliseconds quiet = stable ? options_.stable_quiet : options_.study_quiet;
  const auto turn = std::chrono::ceil<milliseconds>(next_write_ - SteadyClock::now());
  return std::max(quiet - age, turn);
}

/// Throws where it shall be tried again.
void WriteBack::write(const StudyResults& study, std::uint64_t sequence) {
  const Result<void> written = capture([&] { writer_.write(study); });
  const bool outage = !written.ok() && is_outage(written.error());
  if (sequence != troublesome_) attempts_ = 0;
  troublesome_ = sequence;
  if (!written.ok() && !outage) ++attempts_;
  const bool again = outage || (!written.ok() && attempts_ < options_.attempts);
  {
    const std::scoped_lock lock(mutex_);
    ++(written.ok() ? state_.written : again ? state_.retried : state_.left_out);
  }
  if (again) throw Failure(written.error());
  if (!written.ok())
    log_warning("the " + options_.name + " of study " + study.study_id + " is left out after " +
                std::to_string(attempts_) + " attempts: " + written.error().message());
}

// ---- places ----

/// The model's results are followed from the place that the store knows.
void WriteBack::begin_with(const std::string& model_id) {
  const std::string marker = place_of("since");
  if (cursor(marker) == 0) {
    leave_alone_what_was();
    move_cursor(marker, 0, 1);
  }
  kept_ = reached_ = cursor(place_of(model_id));
  model_ = model_id;
}

/// This kind is used for the first time: results of before are not written, those of later models all are.
void WriteBack::leave_alone_what_was() {
  const Json known = call_json(client_, "GET", "/v1/models");
  for (const Json& model : known.at("models")) {
    const std::string id = model.at("model_id").get<std::string>();
    const std::uint64_t last = last_before_start(id);
    if (last > 0 && cursor(place_of(id)) == 0) move_cursor(place_of(id), 0, last);
  }
}

/// The newest result of before our start, by bisection: later numbers are later results.
std::uint64_t WriteBack::last_before_start(const std::string& model_id) {
  const WorkerAnswer known = client_.call({.target = "/v1/results?limit=1&model-id=" + url_encoded(model_id)}).value();
  if (known.status == 404) return 0;  // kept, and never used
  if (!known.ok()) throw Failure(error_of(known));
  std::uint64_t low = 0, high = parse_json(known.body, "the worker's answer").at("last_sequence").get<std::uint64_t>();
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const Json next = results_after(middle, 1, model_id).at("changes");
    if (next.empty() || !is_from_before(next[0])) {
      high = middle;
    } else {
      low = sequence_of(next[0]);
    }
  }
  return low;
}

bool WriteBack::is_from_before(const Json& change) const {
  if (!change.contains("age_ms")) return true;  // removed
  return milliseconds(change.at("age_ms").get<std::int64_t>()) > SteadyClock::now() - started_;
}

void WriteBack::rewind_if_asked() {
  if (!rewind_.exchange(false)) return;
  if (kept_ > 0) move_cursor(place_of(model_), kept_, 0);
  kept_ = reached_ = 0;
}

void WriteBack::keep_place() {
  if (reached_ == kept_) return;
  move_cursor(place_of(model_), kept_, reached_);
  kept_ = reached_;
}

std::string WriteBack::place_of(const std::string& model_id) const {
  return server_ + ":" + options_.name + ":" + model_id;
}

std::uint64_t WriteBack::cursor(const std::string& name) {
  return call_json(client_, "GET", "/v1/cursors/" + url_encoded(name)).at("sequence").get<std::uint64_t>();
}

void WriteBack::move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to) {
  call_json(client_, "PUT", "/v1/cursors/" + url_encoded(name), {{"from", from}, {"to", to}});
}

/// Of the active model unless another is named.
Json WriteBack::results_after(std::uint64_t sequence, int most, const std::string& model_id) {
  std::string target = "/v1/results?since=" + std::to_string(sequence) + "&limit=" + std::to_string(most);
  if (!model_id.empty()) target += "&model-id=" + url_encoded(model_id);
  return call_json(client_, "GET", target);
}

// ---- waiting ----

void WriteBack::set_trouble(const std::string& sentence) {
  const std::scoped_lock lock(mutex_);
  if (state_.trouble == sentence) return;
  if (!sentence.empty()) log_warning("writing back (" + options_.name + ") waits: " + sentence);
  if (sentence.empty()) log_info("writing back (" + options_.name + ") goes on");
  state_.trouble = sentence;
}

}  // namespace chexworld::plugin
