// SPDX-License-Identifier: GPL-3.0-or-later
//
// A model bundle on its way from Orthanc's web server to the worker: handed on as it arrives, so that Orthanc's memory
// does not grow by its size. (Orthanc itself gathers a body that comes with a Content-Length; only one sent with
// "Transfer-Encoding: chunked" reaches us in pieces.)
#pragma once

#include "orthanc-plugin/rest.h"
#include "orthanc-plugin/worker_client.h"

#include <optional>

namespace chexworld::plugin {

/// Used by one thread at a time.
class BundleUpload {
 public:
  /// `query` as in Request; no client: the plugin is stopping. What goes wrong is the answer.
  BundleUpload(WorkerClient* client, const std::string& query);
  void append(std::string_view piece);
  /// The worker's answer, or why there is none.
  Response finish();

 private:
  std::unique_ptr<WorkerUpload> upload_;
  std::optional<Error> failed_;
};

}  // namespace chexworld::plugin
