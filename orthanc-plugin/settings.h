// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/config.h"

namespace chexworld::plugin {

/// The section "Chexworld" of Orthanc's configuration.
struct Settings {
  bool enable = true;  ///< "Enable", default true: false leaves the plugin loaded and idle
};

/// Throws Failure naming the key for anything unknown or out of range.
Settings read_settings(const Json& orthanc_configuration);

}  // namespace chexworld::plugin
