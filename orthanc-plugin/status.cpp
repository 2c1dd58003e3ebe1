// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/status.h"

#include <chexworld/version.h>

namespace chexworld::plugin {

Json status_report(const OrthancHost& host, const Settings& settings) {
  return {{"version", version()}, {"orthanc", host.version()}, {"enabled", settings.enable}};
}

}  // namespace chexworld::plugin
