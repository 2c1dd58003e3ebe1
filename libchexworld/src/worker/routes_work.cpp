// SPDX-License-Identifier: Apache-2.0
//
// For followers of a change log: cursors, the queue of work, and what went wrong.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"

#include <charconv>
#include <limits>

namespace chexworld {
namespace {

constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMostLeaseMs = 24LL * 3600 * 1000;

std::string active_model(Worker& worker) {
  const auto model = worker.store().active_model();
  if (!model) fail(ErrorCode::kUnavailable, "no model is active, so there is no work");
  return *model;
}

std::int64_t work_number(const PathParameters& path) {
  const std::string& text = path.at("id");
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    fail(ErrorCode::kNotFound, "there is no such item of work");
  return number;
}

// ---- cursors -----------------------------------------------------------------------------------------

HttpResponse get_cursor(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  no_arguments(request);
  const std::string& server = path.at("server");
  return json_response({{"server", server}, {"sequence", worker.store().cursor(server)}});
}

Location location_from(ConfigReader& reader, const std::string& server) {
  return {server, reader.text("instance_id", ""), reader.text("series_id", ""), reader.text("study_id", "")};
}

/// What a follower saw in the change log, queued and remembered together.
HttpResponse put_cursor(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  no_arguments(request);
  const std::string& server = path.at("server");
  ConfigReader reader(json_body(request), "the body");
  Batch batch;
  batch.cursor = CursorAdvance{server, std::uint64_t(reader.integer("from", 0, {0, kAnyNumber})),
                               std::uint64_t(reader.integer("to", 0, {0, kAnyNumber}))};
  const bool backfill = reader.choice("priority", "arrival", {"arrival", "backfill"}) == "backfill";
  for (ConfigReader& arrival : reader.sections("arrivals")) {
    batch.arrivals.push_back({location_from(arrival, server), "", backfill ? Priority::kBackfill : Priority::kArrival});
    arrival.finish();
  }
  for (ConfigReader& removal : reader.sections("removals")) {
    batch.removals.push_back(location_from(removal, server));
    removal.finish();
  }
  reader.finish();
  if (!batch.arrivals.empty()) {
    const std::string model_id = active_model(worker);
    for (NewWork& arrival : batch.arrivals) arrival.model_id = model_id;
  }
  if (batch.cursor->from == batch.cursor->to) batch.cursor.reset();
  const CommitReport report = worker.store().commit(batch);
  return json_response({{"server", server},
                        {"sequence", worker.store().cursor(server)},
                        {"enqueued", report.enqueued},
                        {"removed", report.removed}});
}

/// For a comparison with what the server really holds.
HttpResponse list_locations(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  Arguments arguments(request);
  const std::string after = arguments.text("after", "");
  const auto most = arguments.integer("limit", 1, 10'000).value_or(1000);
  arguments.finish();
  const std::string& server = path.at("server");
  return json_response(
      {{"server", server}, {"instance_ids", worker.store().instances_of(server, after, std::uint32_t(most))}});
}

// ---- work --------------------------------------------------------------------------------------------

HttpResponse claim_work(Worker& worker, const HttpRequest& request, const PathParameters&) {
  no_arguments(request);
  ConfigReader reader(json_body(request), "the body");
  ClaimRequest claim;
  claim.owner = reader.text("owner", "follower");
  claim.most = std::uint32_t(reader.integer("most", 1, {1, 1000}));
  claim.lease = std::chrono::milliseconds(reader.integer("lease_ms", 60'000, {1, kMostLeaseMs}));
  claim.max_attempts = std::uint32_t(reader.integer("max_attempts", 5, {1, 1000}));
  if (reader.choice("priority", "backfill", {"arrival", "backfill"}) == "arrival") claim.least = Priority::kArrival;
  claim.server = reader.text("server", "");
  reader.finish();
  // Not what the store names: another worker that shares it may have been told of a model that we do not serve yet.
  const std::optional<PipelineModel> served = worker.model();
  if (!served) fail(ErrorCode::kUnavailable, "no model is active, so there is no work");
  claim.model_id = served->model_id;
  Json items = Json::array();
  for (const ClaimedWork& work : worker.store().claim(claim)) items.push_back(to_json(work));
  return json_response({{"model_id", claim.model_id}, {"items", std::move(items)}});
}

HttpResponse extend_lease(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  no_arguments(request);
  ConfigReader reader(json_body(request), "the body");
  const Lease lease{work_number(path), reader.integer("claim", 0, {0, kAnyNumber})};
  const std::chrono::milliseconds duration(reader.integer("lease_ms", 60'000, {1, kMostLeaseMs}));
  reader.finish();
  if (!worker.store().extend_lease(lease, duration)) fail(ErrorCode::kConflict, "the claim has ended");
  return json_response({{"status", "extended"}});
}

/// A follower could not even fetch the object.
HttpResponse report_failure(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  no_arguments(request);
  ConfigReader reader(json_body(request), "the body");
  Outcome outcome;
  outcome.lease = Lease{work_number(path), reader.integer("claim", 0, {0, kAnyNumber})};
  ConfigReader location = reader.section("location");
  const std::string server = location.text("server", "");
  outcome.location = location_from(location, server);
  location.finish();
  outcome.reason_code = reader.text("reason_code", "");
  outcome.reason = reader.text("reason", "");
  const bool again = reader.choice("then", "retry", {"retry", "park"}) == "retry";
  outcome.kind = again ? Outcome::Kind::kRetry : Outcome::Kind::kParked;
  const std::chrono::milliseconds delay(reader.integer("retry_after_ms", 10'000, {0, kMostLeaseMs}));
  if (again) outcome.retry_at = Clock::system().wall() + delay;
  reader.finish();
  outcome.model_id = active_model(worker);
  Batch batch;
  batch.outcomes.push_back(std::move(outcome));
  if (!worker.store().commit(batch).stale.empty()) fail(ErrorCode::kConflict, "the claim has ended");
  return json_response({{"status", again ? "queued" : "parked"}});
}

/// Queues every known instance that the active model has not seen.
HttpResponse enqueue_missing(Worker& worker, const HttpRequest& request, const PathParameters&) {
  no_arguments(request);
  return json_response({{"queued", worker.store().enqueue_missing(active_model(worker))}}, 202);
}

// ---- failures ----------------------------------------------------------------------------------------

HttpResponse list_failures(Worker& worker, const HttpRequest& request, const PathParameters&) {
  Arguments arguments(request);
  const std::string state = arguments.choice("state", "all", {"all", "queued", "parked", "skipped"});
  const auto most = arguments.integer("limit", 1, 10'000).value_or(100);
  arguments.finish();
  std::optional<WorkState> only;
  for (const WorkState known : {WorkState::kQueued, WorkState::kParked, WorkState::kSkipped}) {
    if (state == name_of(known)) only = known;
  }
  Json failures = Json::array();
  for (const Trouble& trouble : worker.store().troubles(only, std::uint32_t(most)))
    failures.push_back(to_json(trouble));
  return json_response({{"failures", std::move(failures)}});
}

HttpResponse retry_failure(Worker& worker, const HttpRequest& request, const PathParameters& path) {
  no_arguments(request);
  if (!worker.store().retry(work_number(path))) fail(ErrorCode::kNotFound, "there is no such item of work");
  return json_response({{"status", "queued"}}, 202);
}

}  // namespace

void add_work_routes(Router& router, Worker& worker) {
  const auto add = [&](const char* method, const char* pattern, auto handler) {
    router.add_direct(method, pattern, [&worker, handler](const HttpRequest& request, const PathParameters& path) {
      return handler(worker, request, path);
    });
  };
  add("GET", "/v1/cursors/{server}", get_cursor);
  add("PUT", "/v1/cursors/{server}", put_cursor);
  add("GET", "/v1/locations/{server}", list_locations);
  add("POST", "/v1/work/claim", claim_work);
  add("POST", "/v1/work/missing", enqueue_missing);
  add("POST", "/v1/work/{id}/extend", extend_lease);
  add("POST", "/v1/work/{id}/failure", report_failure);
  add("GET", "/v1/failures", list_failures);
  add("POST", "/v1/failures/{id}/retry", retry_failure);
}

}  // namespace chexworld
