// SPDX-License-Identifier: Apache-2.0
//
// Objects in.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"
#include "worker/submission.h"

#include <limits>

namespace chexworld {
namespace {

constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();

/// Both or neither.
void require_together(bool a, bool b, const char* what) {
  if (a != b) fail(ErrorCode::kInvalidArgument, std::string(what) + " belong together");
}

WorkTicket ticket_from(Arguments& arguments) {
  WorkTicket ticket;
  ticket.location = {arguments.text("server", ""), arguments.text("orthanc-instance", ""),
                     arguments.text("orthanc-series", ""), arguments.text("orthanc-study", "")};
  require_together(ticket.location.server.empty(), ticket.location.instance_id.empty(),
                   "'server' and 'orthanc-instance'");
  const auto work = arguments.integer("work", 0, kAnyNumber);
  const auto claim = arguments.integer("claim", 0, kAnyNumber);
  require_together(work.has_value(), claim.has_value(), "'work' and 'claim'");
  if (work && ticket.location.server.empty())
    fail(ErrorCode::kInvalidArgument, "claimed work needs the 'server' and 'orthanc-instance' it is about");
  if (work) ticket.lease = Lease{*work, *claim};
  const auto from = arguments.integer("cursor-from", 0, kAnyNumber);
  const auto to = arguments.integer("cursor-to", 0, kAnyNumber);
  require_together(from.has_value(), to.has_value(), "'cursor-from' and 'cursor-to'");
  if (from && ticket.location.server.empty())
    fail(ErrorCode::kInvalidArgument, "a cursor needs the 'server' it belongs to");
  if (from) ticket.cursor = CursorAdvance{ticket.location.server, std::uint64_t(*from), std::uint64_t(*to)};
  return ticket;
}

HttpResponse response_to(const PipelineOutcome& outcome) {
  return outcome.result.ok() ? json_response(to_json(outcome)) : refusal_of(outcome);
}

void post_instance(Worker& worker, Metrics& metrics, const HttpRequest& request, const HttpReply& reply) {
  Arguments arguments(request);
  const bool wait = arguments.boolean("wait", true);
  const WorkTicket ticket = ticket_from(arguments);
  arguments.finish();
  PipelineItem item = item_from_body(request);
  worker.submit(std::move(item), ticket, [&metrics, reply, wait](const PipelineOutcome& outcome) {
    count_outcome(metrics, outcome);
    if (wait) reply(response_to(outcome));
  });
  if (!wait) reply(json_response({{"status", "accepted"}}, 202));
}

}  // namespace

void add_instance_routes(Router& router, Worker& worker, Metrics& metrics) {
  router.add("POST", "/v1/instances", [&](const HttpRequest& request, const PathParameters&, const HttpReply& reply) {
    const auto posted = capture([&] { post_instance(worker, metrics, request, reply); });
    if (!posted.ok()) reply(error_response(posted.error()));
  });
}

}  // namespace chexworld
