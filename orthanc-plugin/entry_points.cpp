// SPDX-License-Identifier: GPL-3.0-or-later
//
// The four functions Orthanc looks for, and the callbacks they register.
#include "base/failure.h"
#include "orthanc-plugin/pages.h"
#include "orthanc-plugin/rest.h"
#include "orthanc-plugin/routes.h"
#include "orthanc-plugin/service.h"

#include <chexworld/version.h>

#include <memory>

namespace chexworld::plugin {
namespace {

constexpr char kName[] = "chexworld";

/// All that lives between Initialize and Finalize. Orthanc's C callbacks carry no user data, so the one
/// instance hangs on this pointer. Absent where the plugin is not enabled.
std::unique_ptr<Service> service;

OrthancPluginErrorCode on_stored_instance(const OrthancPluginDicomInstance*, const char*) {
  return protect([] { service->instance_arrived(); });
}

OrthancPluginErrorCode on_change(OrthancPluginChangeType change, OrthancPluginResourceType type, const char* id) {
  return protect([&] {
    if (change == OrthancPluginChangeType_OrthancStarted) service->start();
    if (change == OrthancPluginChangeType_OrthancStopped) service->stop();
    if (change == OrthancPluginChangeType_NewInstance) service->instance_arrived();
    if (change == OrthancPluginChangeType_Deleted && type == OrthancPluginResourceType_Instance)
      service->instance_removed(id);
    if (change == OrthancPluginChangeType_StableStudy) service->study_is_stable(id);
  });
}

void on_metrics() {
  protect([] { service->publish_metrics(); });
}

void initialize(OrthancPluginContext* context) {
  const OrthancHost host(context);
  set_log_sink([host](LogLevel level, std::string_view line) { host.log(level, std::string(line)); });
  const Settings settings = read_settings(host.configuration());
  if (!settings.enable) {
    log_warning("chexworld is loaded but not enabled (\"Chexworld\": {\"Enable\": false})");
    return;
  }
  service = std::make_unique<Service>(host, settings);
  register_routes(host, *service);
  OrthancPluginSetRootUri2(context, kName, "/chexworld/pages/index.html");
  OrthancPluginExtendOrthancExplorer2(context, kName, explorer_script().c_str());
  OrthancPluginRegisterOnStoredInstanceCallback(context, on_stored_instance);
  OrthancPluginRegisterOnChangeCallback(context, on_change);
  OrthancPluginRegisterRefreshMetricsCallback(context, on_metrics);
  log_info("chexworld " + std::string(version()) + " is ready");
}

void finalize() {
  withdraw_routes();
  if (service) service->stop();
  service.reset();
  set_log_sink({});
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
  static_cast<void>(chexworld::capture([] { chexworld::plugin::finalize(); }));
}

ORTHANC_PLUGINS_API const char* OrthancPluginGetName() { return chexworld::plugin::kName; }

ORTHANC_PLUGINS_API const char* OrthancPluginGetVersion() { return chexworld::version().data(); }

}  // extern "C"
