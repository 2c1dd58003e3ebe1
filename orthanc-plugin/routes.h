// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/service.h"

namespace chexworld::plugin {

/// Registers what docs/plugin.md lists. `service` must stay until OrthancPluginFinalize; without one the routes answer
/// 503. Called once, from OrthancPluginInitialize.
void register_routes(const OrthancHost& host, Service& service);

/// The service is going: later requests are answered 503.
void withdraw_routes();

}  // namespace chexworld::plugin
