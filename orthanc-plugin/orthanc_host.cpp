// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/orthanc_host.h"

#include "base/failure.h"

#include <memory>

namespace chexworld::plugin {

namespace {

/// Text that Orthanc gave and takes back; empty where it gave none.
std::optional<std::string> taken(OrthancPluginContext* context, char* text) {
  if (text == nullptr) return std::nullopt;
  const auto free_string = [context](char* given) { OrthancPluginFreeString(context, given); };
  const std::unique_ptr<char, decltype(free_string)> kept(text, free_string);
  return std::string(text);
}

}  // namespace

Json OrthancHost::configuration() const {
  const auto text = taken(context_, OrthancPluginGetConfiguration(context_));
  if (!text) fail(ErrorCode::kInternal, "Orthanc does not give its configuration");
  return parse_json(*text, "Orthanc's configuration");
}

std::optional<std::string> OrthancHost::instance_of(const std::string& sop_instance_uid) const {
  if (sop_instance_uid.empty()) return std::nullopt;
  return taken(context_, OrthancPluginLookupInstance(context_, sop_instance_uid.c_str()));
}

std::optional<Json> OrthancHost::get(const std::string& path) const {
  OrthancBuffer answer(context_);
  const OrthancPluginErrorCode failed = OrthancPluginRestApiGet(context_, answer.target(), path.c_str());
  if (failed == OrthancPluginErrorCode_UnknownResource || failed == OrthancPluginErrorCode_InexistentItem)
    return std::nullopt;
  if (failed != OrthancPluginErrorCode_Success)
    fail(ErrorCode::kUnavailable, "Orthanc does not answer " + path.substr(0, path.find('?')) + " (its error " +
                                      std::to_string(int(failed)) + ")");
  return parse_json(answer.text(), "Orthanc's answer");
}

std::string OrthancHost::server() const {
  constexpr std::int32_t kServerName = 14'600;  // a global property of Orthanc's database; ours from 1024 on
  char* kept = OrthancPluginGetGlobalProperty(context_, kServerName, "");
  std::string name = kept == nullptr ? "" : kept;
  if (kept != nullptr) OrthancPluginFreeString(context_, kept);
  if (!name.empty()) return name;
  const std::optional<Json> system = get("/system");
  if (!system) fail(ErrorCode::kUnavailable, "Orthanc has no /system");
  name = system->at("DatabaseServerIdentifier").get<std::string>();
  if (OrthancPluginSetGlobalProperty(context_, kServerName, name.c_str()) != OrthancPluginErrorCode_Success)
    log_warning("Orthanc's database does not keep the name under which its instances are remembered");
  return name;
}

std::optional<OrthancBuffer> OrthancHost::dicom(const std::string& instance_id) const {
  OrthancBuffer file(context_);
  const OrthancPluginErrorCode failed = OrthancPluginGetDicomForInstance(context_, file.target(), instance_id.c_str());
  if (failed == OrthancPluginErrorCode_UnknownResource || failed == OrthancPluginErrorCode_InexistentItem ||
      failed == OrthancPluginErrorCode_InexistentFile)
    return std::nullopt;
  if (failed != OrthancPluginErrorCode_Success)
    fail(ErrorCode::kUnavailable,
         "Orthanc does not give instance " + instance_id + " (its error " + std::to_string(int(failed)) + ")");
  return file;
}

void OrthancHost::log(LogLevel level, const std::string& line) const {
  const OrthancPluginLogLevel theirs = level == LogLevel::kError     ? OrthancPluginLogLevel_Error
                                       : level == LogLevel::kWarning ? OrthancPluginLogLevel_Warning
                                                                     : OrthancPluginLogLevel_Info;
  // With our name, so that administrators can tell our lines from others.
  OrthancPluginLogMessage(context_, line.c_str(), "chexworld", "plugin", 0, OrthancPluginLogCategory_Generic, theirs);
}

}  // namespace chexworld::plugin
