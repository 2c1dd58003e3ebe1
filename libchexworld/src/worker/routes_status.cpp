// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "service/arguments.h"
#include "worker/json.h"
#include "worker/routes.h"

#include <chexworld/version.h>

namespace chexworld {
namespace {

Json model_status(Worker& worker) {
  const auto model = worker.model();
  return model ? to_json(*model) : Json(nullptr);
}

Json coverage_json(Worker& worker) {
  const Coverage coverage = worker.coverage();
  return {{"instances", coverage.instances}, {"with_result", coverage.with_result}, {"given_up", coverage.given_up}};
}

Json index_json(Worker& worker) {
  Json indexes = Json::array();
  for (const IndexProgress& progress : worker.retrieval().progress())
    indexes.push_back({{"model_id", progress.index.model},
                       {"serving", progress.serving},
                       {"rows", progress.index.rows},
                       {"position", progress.index.position},
                       {"newest", progress.newest}});
  return indexes;
}

Json decoder_json(const DecoderCounts& counts) {
  return {{"decoded", counts.decoded},
          {"crashed", counts.crashed},
          {"timed_out", counts.timed_out},
          {"out_of_memory", counts.out_of_memory},
          {"started", counts.started}};
}

HttpResponse status(Worker& worker) {
  const std::string trouble = worker.trouble();
  Json json = {{"version", version()},
               {"state", worker.draining() ? "draining"
                         : trouble.empty() ? "serving"
                                           : "no-model"},
               {"model", model_status(worker)},
               {"pipeline", to_json(worker.pipeline_stats())},
               {"decoders", decoder_json(worker.decoder_counts())}};
  if (!trouble.empty()) json["trouble"] = trouble;
  // The worker's own health must be told even while its store is away.
  const Result<Json> coverage = capture([&] { return coverage_json(worker); });
  coverage.ok() ? json["coverage"] = *coverage : json["store_error"] = coverage.error().message();
  const Result<Json> indexes = capture([&] { return index_json(worker); });
  indexes.ok() ? json["indexes"] = *indexes : json["store_error"] = indexes.error().message();
  return json_response(json);
}

}  // namespace

void add_status_routes(Router& router, Worker& worker, Metrics& metrics) {
  router.add_direct("GET", "/v1/status", [&worker](const HttpRequest& request, const PathParameters&) {
    no_arguments(request);
    return status(worker);
  });
  router.add_direct("GET", "/metrics", [&metrics](const HttpRequest& request, const PathParameters&) {
    no_arguments(request);
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics.render();
    return response;
  });
}

void add_routes(Router& router, Worker& worker, Metrics& metrics, RequestPool& later) {
  add_status_routes(router, worker, metrics);
  add_instance_routes(router, worker, metrics);
  add_result_routes(router, worker);
  add_label_routes(router, worker);
  add_embed_routes(router, worker, metrics);
  add_search_routes(router, worker, metrics, later);
  add_heatmap_route(router, worker, later);
  add_model_routes(router, worker);
  add_work_routes(router, worker);
  add_report_routes(router, worker);
}

}  // namespace chexworld
