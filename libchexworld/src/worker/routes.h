// SPDX-License-Identifier: Apache-2.0
//
// What the worker answers under /v1, one function per topic; docs/rest.md and docs/openapi.yaml describe them.
#pragma once

#include "service/arguments.h"
#include "service/metrics.h"
#include "service/request_pool.h"
#include "service/router.h"
#include "worker/json.h"
#include "worker/worker.h"

namespace chexworld {

/// All of them. Router and handlers keep references: worker, metrics and `later` must outlive the router.
void add_routes(Router& router, Worker& worker, Metrics& metrics, RequestPool& later);

void add_status_routes(Router& router, Worker& worker, Metrics& metrics);
void add_instance_routes(Router& router, Worker& worker, Metrics& metrics);
void add_embed_routes(Router& router, Worker& worker, Metrics& metrics);
/// The picture is drawn on `later`.
void add_heatmap_route(Router& router, Worker& worker, RequestPool& later);
void add_result_routes(Router& router, Worker& worker);
void add_label_routes(Router& router, Worker& worker);
void add_model_routes(Router& router, Worker& worker);
/// What follows the embedding of an uploaded picture runs on `later`.
void add_search_routes(Router& router, Worker& worker, Metrics& metrics, RequestPool& later);
void add_work_routes(Router& router, Worker& worker);
/// Structured reports, and the results in the order in which they came.
void add_report_routes(Router& router, Worker& worker);

/// Everything that is measured; see docs/rest.md.
void declare_metrics(Metrics& metrics, Worker& worker);

/// How the body of a request is taken: bundles go to a file.
BodyPolicy body_policy(const std::string& method, const std::string& path, std::uint64_t max_object_bytes);

/// What the store knows of a model's outputs.
std::vector<std::string> labels_of(Worker& worker, const std::string& model_id);
Thresholds thresholds_of(Worker& worker, const std::string& model_id);

/// The model that the argument "model-id" names, else the active one; kNotFound. Takes the last argument.
std::string model_asked(Worker& worker, Arguments& arguments);

/// Whether the client asks for raw numbers ("Accept: application/octet-stream").
bool wants_bytes(const HttpRequest& request);
/// An array as the client asks for it: JSON with `facts` beside it, or its bytes with the model in a header.
HttpResponse array_response(const HttpRequest& request, std::span<const float> values,
                            const std::vector<std::int64_t>& shape, const std::string& model_id, Json facts);

}  // namespace chexworld
