// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/orthanc_host.h"
#include "orthanc-plugin/worker_client.h"

#include <map>

namespace chexworld::plugin {

/// A request to `url` through Orthanc's own HTTP client, its body sent in chunks as it comes, on a thread of its own.
/// `aborted` must outlive it; once it is true, the request ends.
std::unique_ptr<WorkerUpload> make_remote_upload(const OrthancHost& host, const std::string& method,
                                                 const std::string& url, std::map<std::string, std::string> headers,
                                                 const std::atomic<bool>& aborted);

/// Notes a header of an answer that concerns us.
void take_header(const std::string& name, const std::string& value, WorkerAnswer& answer);

/// Of "POST" and the like; anything unknown is GET.
OrthancPluginHttpMethod method_of(const std::string& name);

}  // namespace chexworld::plugin
