// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/orthanc_host.h"
#include "orthanc-plugin/settings.h"

namespace chexworld::plugin {

/// What `GET /chexworld/status` answers.
Json status_report(const OrthancHost& host, const Settings& settings);

}  // namespace chexworld::plugin
