// SPDX-License-Identifier: Apache-2.0
#include "worker/submission.h"

#include "base/failure.h"
#include "sandbox/decoder.h"
#include "service/arguments.h"

namespace chexworld {
namespace {

std::filesystem::path path_from(const HttpRequest& request) {
  if (!request.over_unix_socket)
    fail(ErrorCode::kInvalidArgument, "a path is taken only over the Unix socket: send the object's bytes");
  ConfigReader reader(json_body(request), "the body");
  const std::filesystem::path path = reader.text("path", "");
  reader.finish();
  if (!path.is_absolute()) fail(ErrorCode::kInvalidArgument, "the body must name an absolute 'path'");
  return path;
}

}  // namespace

PipelineItem item_from_body(const HttpRequest& request) {
  PipelineItem item;
  const auto type = request.headers.find("content-type");
  if (type != request.headers.end() && type->second.starts_with("application/json")) {
    item.content = path_from(request);
    return item;
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(request.body.data());
  item.content = std::vector<std::byte>(bytes, bytes + request.body.size());
  return item;
}

HttpResponse refusal_of(const PipelineOutcome& outcome) {
  const Error& error = outcome.result.error();
  return error_response(error, {{"reason_code", decode_reason(error)}});
}

HttpResponse refusal_of(const GateVerdict& gate) {
  return error_response({ErrorCode::kUnsupported, "this is no chest radiograph: " + gate.detail},
                        {{"reason_code", name_of(gate.reason)}});
}

void count_outcome(Metrics& metrics, const PipelineOutcome& outcome) {
  const bool ok = outcome.result.ok();
  const bool embedded = ok && outcome.result->gate.accepted();
  const std::string_view reason = ok ? name_of(outcome.result->gate.reason) : decode_reason(outcome.result.error());
  metrics.count("chexworld_objects_total", {{"status", embedded ? "embedded"
                                                       : ok     ? "skipped"
                                                                : "failed"},
                                            {"reason", std::string(reason)}});
  const PipelineTimings& timings = outcome.timings;
  if (!embedded) return;
  if (const auto& abstained = outcome.result->abstained)
    metrics.count("chexworld_abstained_total", {{"reason", abstained->reason}});
  for (const auto& [stage, ms] : {std::pair("queued", timings.queued_ms),
                                  {"decode", timings.decode_ms},
                                  {"gathered", timings.gathered_ms},
                                  {"inference", timings.inference_ms},
                                  {"stored", timings.stored_ms},
                                  {"total", timings.total_ms}})
    metrics.observe("chexworld_stage_seconds", ms / 1000, {{"stage", stage}});
}

}  // namespace chexworld
