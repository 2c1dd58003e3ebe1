// SPDX-License-Identifier: Apache-2.0
#include "cli/setting_flags.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld::cli {
namespace {

Json value_of(const SettingInfo& setting, const std::vector<std::string>& words) {
  if (setting.is_text) return words.at(0);
  Json values = Json::array();
  for (const std::string& word : words) {
    values.push_back(Json::parse(word, nullptr, false));
    if (values.back().is_discarded())
      fail(ErrorCode::kInvalidArgument,
           flag_name(setting.key) + ": '" + word + "' is not " + (setting.is_flag ? "true or false" : "a number"));
  }
  return setting.values == 1 ? values.at(0) : values;
}

}  // namespace

std::string flag_name(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

void add_setting_flags(CLI::App& command, const std::vector<SettingInfo>& settings, SettingWords& words) {
  for (const SettingInfo& setting : settings) {
    CLI::Option* option =
        command.add_option(flag_name(setting.key), words[setting.key], setting.help + " (" + setting.fallback + ")");
    option->expected(int(setting.values))->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)->group("Settings");
  }
}

Json typed_settings(const std::vector<SettingInfo>& settings, const SettingWords& words) {
  Json typed = Json::object();
  for (const SettingInfo& setting : settings)
    if (const auto found = words.find(setting.key); found != words.end() && !found->second.empty())
      typed[setting.key] = value_of(setting, found->second);
  return typed;
}

}  // namespace chexworld::cli
