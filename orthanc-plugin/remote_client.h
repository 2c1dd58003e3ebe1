// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/orthanc_host.h"
#include "orthanc-plugin/worker_client.h"

namespace chexworld::plugin {

/// `url` "http://host:port" or "https://...". Calls under way end by their own time limit when aborted.
std::unique_ptr<WorkerClient> make_remote_client(const OrthancHost& host, const std::string& url,
                                                 const std::string& token);

}  // namespace chexworld::plugin
