// SPDX-License-Identifier: Apache-2.0
//
// Cases like this one.
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"
#include "worker/search_body.h"
#include "worker/submission.h"

namespace chexworld {
namespace {

Json reply_json(Worker& worker, const SearchReply& reply) {
  const std::vector<std::string> labels = labels_of(worker, reply.model_id);
  const Thresholds thresholds = thresholds_of(worker, reply.model_id);
  Json hits = Json::array();
  for (const ResultHit& hit : reply.hits) {
    Json json = to_json(hit.result, labels, thresholds);
    json["score"] = hit.score;
    json["distance"] = hit.distance;
    if (hit.region) json["region"] = {hit.region->x0, hit.region->y0, hit.region->x1, hit.region->y1};
    hits.push_back(std::move(json));
  }
  return {
      {"model_id", reply.model_id}, {"hits", std::move(hits)}, {"compared", reply.compared}, {"exact", reply.exact}};
}

HttpResponse found(Worker& worker, const SearchRequest& request) {
  return json_response(reply_json(worker, worker.retrieval().search(request)));
}

/// {"searches": [...]}: each a search of its own, answered in this order.
HttpResponse found_each(Worker& worker, const Json& body) {
  const std::vector<SearchRequest> requests = searches_from_json(body);
  Json replies = Json::array();
  for (const SearchReply& reply : worker.retrieval().search_batch(requests))
    replies.push_back(reply_json(worker, reply));
  return json_response({{"replies", std::move(replies)}});
}

HttpResponse get_similar(Worker& worker, const HttpRequest& request, SearchExample example) {
  Arguments arguments(request);
  SearchRequest search = search_from_arguments(arguments);
  search.model_id = arguments.text("model-id", "");
  arguments.finish();
  search.positive.push_back(std::move(example));
  return found(worker, search);
}

/// The answer to an uploaded picture once it is embedded.
HttpResponse similar_to(Worker& worker, SearchRequest search, const PipelineOutcome& outcome) {
  if (!outcome.result.ok()) return refusal_of(outcome);
  if (!outcome.result->gate.accepted()) return refusal_of(outcome.result->gate);
  search.model_id = outcome.result->model_id;
  search.positive.push_back(VectorExample{outcome.result->embedding});
  const Result<HttpResponse> answer = capture([&] { return found(worker, search); });
  return answer.ok() ? *answer : error_response(answer.error());
}

void search_upload(Worker& worker, Metrics& metrics, RequestPool& later, const HttpRequest& request,
                   const HttpReply& reply) {
  Arguments arguments(request);
  const SearchRequest search = search_from_arguments(arguments);
  arguments.finish();
  WorkTicket ticket;
  ticket.keep = false;
  worker.submit(item_from_body(request), ticket, [=, &worker, &metrics, &later](PipelineOutcome outcome) {
    count_outcome(metrics, outcome);
    const auto shared = std::make_shared<PipelineOutcome>(std::move(outcome));
    if (!later.try_post([=, &worker] { reply(similar_to(worker, search, *shared)); }))
      reply(error_response({ErrorCode::kUnavailable, "too many requests are waiting: try again shortly"}));
  });
}

void post_search(Worker& worker, Metrics& metrics, RequestPool& later, const HttpRequest& request,
                 const HttpReply& reply) {
  const auto type = request.headers.find("content-type");
  if (type == request.headers.end() || !type->second.starts_with("application/json"))
    return search_upload(worker, metrics, later, request, reply);
  no_arguments(request);
  Json body = json_body(request);
  reply(body.contains("searches") ? found_each(worker, body) : found(worker, search_from_json(std::move(body))));
}

}  // namespace

void add_search_routes(Router& router, Worker& worker, Metrics& metrics, RequestPool& later) {
  router.add("POST", "/v1/search", [&](const HttpRequest& request, const PathParameters&, const HttpReply& reply) {
    const auto posted = capture([&] { post_search(worker, metrics, later, request, reply); });
    if (!posted.ok()) reply(error_response(posted.error()));
  });
  router.add_direct("GET", "/v1/instances/{sop-uid}/similar",
                    [&](const HttpRequest& request, const PathParameters& path) {
                      return get_similar(worker, request, InstanceExample{path.at("sop-uid")});
                    });
  router.add_direct("GET", "/v1/studies/{study-uid}/similar",
                    [&](const HttpRequest& request, const PathParameters& path) {
                      return get_similar(worker, request, StudyExample{path.at("study-uid")});
                    });
}

}  // namespace chexworld
