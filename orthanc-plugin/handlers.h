// SPDX-License-Identifier: GPL-3.0-or-later
//
// What each route answers. Thread safe; throw Failure. docs/plugin.md and docs/openapi-plugin.yaml describe them.
#pragma once

#include "orthanc-plugin/rest.h"
#include "orthanc-plugin/service.h"

namespace chexworld::plugin {

// ---- of the whole (handlers_system.cpp) ----
Response get_status(Service& service, const Request& request);
Response get_failures(Service& service, const Request& request);
Response retry_failure(Service& service, const Request& request);
Response start_backfill(Service& service, const Request& request);
Response start_write_back(Service& service, const Request& request);
Response get_models(Service& service, const Request& request);
Response active_model(Service& service, const Request& request);
Response drop_model(Service& service, const Request& request);

// ---- of one resource (handlers_results.cpp) ----
Response get_instance(Service& service, const Request& request);
Response get_embedding(Service& service, const Request& request);
Response get_heatmap(Service& service, const Request& request);
Response study(Service& service, const Request& request);

// ---- similar cases (handlers_search.cpp) ----
Response similar_to_instance(Service& service, const Request& request);
Response similar_to_study(Service& service, const Request& request);
Response search(Service& service, const Request& request);

// ---- for all of them ----

/// The request as it is, to another target of the worker; its query goes along.
WorkerRequest to_worker(const Request& request, const std::string& target);
Response response_from(WorkerAnswer answer);
/// Sends the request on and returns the worker's answer. Throws Failure(kUnavailable) where there is no worker.
Response forwarded(Service& service, const Request& request, const std::string& target);

/// The worker's path for an instance or a study by Orthanc's id: "/v1/instances/1.2.3". Throws kNotFound.
std::string instance_target(Service& service, const std::string& orthanc_id);
std::string study_target(Service& service, const std::string& orthanc_id);
/// The UID behind an id of Orthanc's; `kind` "instances" or "studies". Throws kNotFound.
std::string uid_of(Service& service, const std::string& kind, const std::string& orthanc_id);

}  // namespace chexworld::plugin
