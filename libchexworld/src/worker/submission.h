// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/http.h"
#include "service/metrics.h"
#include "worker/worker.h"

namespace chexworld {

/// Content of a request body: bytes, or over the Unix socket {"path": "/a/b.dcm"} as application/json. Throws Failure.
PipelineItem item_from_body(const HttpRequest& request);

/// The error response of an item that has no result, with its reason code.
HttpResponse refusal_of(const PipelineOutcome& outcome);

/// The same for a picture that the gate skips, where there is no answer without an embedding.
HttpResponse refusal_of(const GateVerdict& gate);

/// Counts what became of one object.
void count_outcome(Metrics& metrics, const PipelineOutcome& outcome);

}  // namespace chexworld
