// SPDX-License-Identifier: Apache-2.0
//
// Embeddings that nobody keeps.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"
#include "worker/submission.h"

#include <algorithm>
#include <cstring>

namespace chexworld {
namespace {

PipelineItem tensor_item(const HttpRequest& request) {
  if (request.body.empty() || request.body.size() % sizeof(float) != 0)
    fail(ErrorCode::kInvalidArgument, "a tensor is f32[C,S,S] in little endian: the body's size does not fit");
  NormalizedPixels pixels;
  pixels.values.resize(request.body.size() / sizeof(float));
  std::memcpy(pixels.values.data(), request.body.data(), request.body.size());
  PipelineItem item;
  item.content = std::move(pixels);
  return item;
}

struct Wanted {
  bool normalized = false;
  bool patches = false;
};

HttpResponse embedded(const HttpRequest& accept, const Wanted& wanted, const PipelineOutcome& outcome) {
  if (!outcome.result.ok()) return refusal_of(outcome);
  const RadiographResult& result = *outcome.result;
  if (!result.gate.accepted()) return refusal_of(result.gate);
  Json facts = to_json(outcome);
  const auto width = std::int64_t(result.embedding.size());
  const auto patches = std::int64_t(result.patches.size()) / std::max<std::int64_t>(width, 1);
  if (wanted.patches)
    return array_response(accept, result.patches, {patches, width}, result.model_id, std::move(facts));
  return array_response(accept, wanted.normalized ? result.normalized : result.embedding, {width}, result.model_id,
                        std::move(facts));
}

void post_embed(Worker& worker, Metrics& metrics, const HttpRequest& request, const HttpReply& reply) {
  Arguments arguments(request);
  const bool tensor = arguments.choice("input", "image", {"image", "tensor"}) == "tensor";
  Wanted wanted;
  wanted.normalized = arguments.boolean("normalized", false);
  wanted.patches = arguments.choice("output", "embedding", {"embedding", "patches"}) == "patches";
  arguments.finish();
  if (wanted.patches && !wants_bytes(request))
    fail(ErrorCode::kInvalidArgument, "patch tokens are sent as bytes only: ask with Accept: application/octet-stream");
  PipelineItem item = tensor ? tensor_item(request) : item_from_body(request);
  item.with_patches = wanted.patches;
  WorkTicket ticket;
  ticket.keep = false;
  HttpRequest accept;
  accept.headers = request.headers;
  worker.submit(std::move(item), ticket, [&metrics, reply, wanted, accept](const PipelineOutcome& outcome) {
    count_outcome(metrics, outcome);
    reply(embedded(accept, wanted, outcome));
  });
}

}  // namespace

bool wants_bytes(const HttpRequest& request) {
  const auto accept = request.headers.find("accept");
  return accept != request.headers.end() && accept->second.find("application/octet-stream") != std::string::npos;
}

HttpResponse array_response(const HttpRequest& request, std::span<const float> values,
                            const std::vector<std::int64_t>& shape, const std::string& model_id, Json facts) {
  if (!wants_bytes(request)) {
    facts["array"] = array_json(values, shape);
    return json_response(facts);
  }
  std::string shape_text;
  for (const std::int64_t extent : shape) shape_text += (shape_text.empty() ? "" : ",") + std::to_string(extent);
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.body = array_bytes(values);
  response.headers = {{"X-Chexworld-Model", model_id}, {"X-Chexworld-Shape", shape_text}};
  return response;
}

void add_embed_routes(Router& router, Worker& worker, Metrics& metrics) {
  router.add("POST", "/v1/embed", [&](const HttpRequest& request, const PathParameters&, const HttpReply& reply) {
    const auto posted = capture([&] { post_embed(worker, metrics, request, reply); });
    if (!posted.ok()) reply(error_response(posted.error()));
  });
}

}  // namespace chexworld
