// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/settings.h"

namespace chexworld::plugin {

Settings read_settings(const Json& orthanc_configuration) {
  const auto section = orthanc_configuration.find("Chexworld");
  ConfigReader reader(section == orthanc_configuration.end() ? Json::object() : *section,
                      "configuration section \"Chexworld\"");
  Settings settings;
  settings.enable = reader.boolean("Enable", settings.enable);
  reader.finish();
  return settings;
}

}  // namespace chexworld::plugin
