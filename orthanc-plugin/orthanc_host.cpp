// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/orthanc_host.h"

#include "base/failure.h"

#include <memory>

namespace chexworld::plugin {

Json OrthancHost::configuration() const {
  const auto free_string = [this](char* text) { OrthancPluginFreeString(context_, text); };
  const std::unique_ptr<char, decltype(free_string)> text(OrthancPluginGetConfiguration(context_), free_string);
  if (!text) fail(ErrorCode::kInternal, "Orthanc does not give its configuration");
  return parse_json(text.get(), "Orthanc's configuration");
}

void OrthancHost::log(LogLevel level, const std::string& line) const {
  switch (level) {
    case LogLevel::kDebug:
    case LogLevel::kInfo: OrthancPluginLogInfo(context_, line.c_str()); break;
    case LogLevel::kWarning: OrthancPluginLogWarning(context_, line.c_str()); break;
    case LogLevel::kError: OrthancPluginLogError(context_, line.c_str()); break;
  }
}

}  // namespace chexworld::plugin
