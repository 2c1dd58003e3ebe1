// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/orthanc_http.h"

#include <atomic>

namespace chexworld::plugin {

/// A request whose body is sent in chunks as it comes, on a thread of its own. `aborted` must outlive it; once it is
/// true, the request ends.
std::unique_ptr<WorkerUpload> make_remote_upload(const OrthancHost& host, HttpRequest request,
                                                 const std::atomic<bool>& aborted);

}  // namespace chexworld::plugin
