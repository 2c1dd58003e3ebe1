// SPDX-License-Identifier: GPL-3.0-or-later
//
// The four functions Orthanc looks for, and the callbacks they register.
#include "base/failure.h"
#include "orthanc-plugin/rest.h"
#include "orthanc-plugin/settings.h"
#include "orthanc-plugin/status.h"

#include <chexworld/version.h>

#include <memory>

namespace chexworld::plugin {
namespace {

constexpr char kName[] = "chexworld";

/// All that lives between Initialize and Finalize. Orthanc's C callbacks carry no user data, so the one
/// instance hangs on this pointer.
struct Plugin {
  OrthancHost host;
  Settings settings;
};
std::unique_ptr<Plugin> plugin;

OrthancPluginErrorCode on_status(OrthancPluginRestOutput* output, const char*,
                                 const OrthancPluginHttpRequest* request) {
  return protect([&] {
    if (request->method != OrthancPluginHttpMethod_Get) {
      send_method_not_allowed(plugin->host, output, "GET");
      return;
    }
    const auto report = capture([] { return json_response(status_report(plugin->host, plugin->settings)); });
    send(plugin->host, output, report.ok() ? *report : error_response(report.error()));
  });
}

void initialize(OrthancPluginContext* context) {
  const OrthancHost host(context);
  set_log_sink([host](LogLevel level, std::string_view line) { host.log(level, std::string(line)); });
  plugin = std::make_unique<Plugin>(Plugin{host, read_settings(host.configuration())});
  if (!plugin->settings.enable) {
    log_warning("chexworld is loaded but not enabled (\"Chexworld\": {\"Enable\": false})");
    return;
  }
  OrthancPluginRegisterRestCallbackNoLock(context, "/chexworld/status", on_status);
  log_info("chexworld " + std::string(version()) + " is ready");
}

}  // namespace
}  // namespace chexworld::plugin

extern "C" {

ORTHANC_PLUGINS_API int32_t OrthancPluginInitialize(OrthancPluginContext* context) {
  if (OrthancPluginCheckVersion(context) == 0) {
    OrthancPluginLogError(context, "chexworld was built for a newer Orthanc than this one; update Orthanc");
    return -1;
  }
  OrthancPluginSetDescription2(context, chexworld::plugin::kName,
                               "A world model for chest radiographs: embeddings, findings, similar cases.");
  const auto result = chexworld::capture([&] { chexworld::plugin::initialize(context); });
  if (result.ok()) return 0;
  OrthancPluginLogError(context, ("chexworld: " + result.error().message()).c_str());
  return -1;
}

ORTHANC_PLUGINS_API void OrthancPluginFinalize() {
  chexworld::set_log_sink({});
  chexworld::plugin::plugin.reset();
}

ORTHANC_PLUGINS_API const char* OrthancPluginGetName() { return chexworld::plugin::kName; }

ORTHANC_PLUGINS_API const char* OrthancPluginGetVersion() { return chexworld::version().data(); }

}  // extern "C"
