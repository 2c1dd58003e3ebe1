// SPDX-License-Identifier: Apache-2.0
//
// Settings of a run, declared once: the same list reads TOML files, makes command line flags and writes config.json.
//
// A configuration has one function
//   template <class Config, class Visitor> void each_setting(Config& c, Visitor&& visit);
// that calls visit(key, member, allowed, help) for every setting; members are std::int64_t, double, bool, std::string
// or Range. The functions here take it as `each`: [](auto& c, auto&& visit) { each_setting(c, visit); }.
#pragma once

#include "base/config.h"
#include "views/range.h"

#include <string>
#include <type_traits>
#include <vector>

namespace chexworld {

using WholeSetting = ConfigReader::Range<std::int64_t>;
using RealSetting = ConfigReader::Range<double>;

/// One setting, for listings and flags.
struct SettingInfo {
  std::string key;
  std::string help;
  std::string fallback;    ///< default value as JSON
  std::size_t values = 1;  ///< 2 for ranges
  bool is_flag = false;    ///< true or false
  bool is_text = false;
};

/// Visits settings and takes their values from `object`.
struct SettingReader {
  ConfigReader& reader;  ///< of `object` without its ranges
  const Json& object;
  const std::string& where;

  void operator()(const char* key, std::int64_t& value, WholeSetting allowed, const char*) {
    value = reader.integer(key, value, allowed);
  }
  void operator()(const char* key, double& value, RealSetting allowed, const char*) {
    value = reader.number(key, value, allowed);
  }
  template <class Ignored>
  void operator()(const char* key, bool& value, Ignored, const char*) {
    value = reader.boolean(key, value);
  }
  template <class Ignored>
  void operator()(const char* key, std::string& value, Ignored, const char*) {
    value = reader.text(key, value);
  }
  void operator()(const char* key, Range& value, RealSetting allowed, const char*);
};

inline Json setting_json(const Range& range) { return {range.least, range.most}; }
template <class Value>
Json setting_json(const Value& value) {
  return value;
}

/// Takes the keys of `object`; throws Failure(kInvalidArgument) naming what is unknown or impossible.
template <class Config, class Each>
void read_settings(Config& config, const Json& object, const std::string& where, Each each) {
  Json scalars = object;  // what a ConfigReader knows to read
  if (scalars.is_object()) {
    each(config, [&](const char* key, const auto& value, auto, const char*) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Range>) scalars.erase(key);
    });
  }
  ConfigReader reader(scalars, where);
  each(config, SettingReader{reader, object, where});
  reader.finish();
}

template <class Config, class Each>
Json settings_json(const Config& config, Each each) {
  Json json = Json::object();
  each(config, [&](const char* key, const auto& value, auto, const char*) { json[key] = setting_json(value); });
  return json;
}

/// With the values of `defaults` as fallbacks.
template <class Config, class Each>
std::vector<SettingInfo> list_settings(const Config& defaults, Each each) {
  std::vector<SettingInfo> settings;
  each(defaults, [&](const char* key, const auto& value, auto, const char* help) {
    using Value = std::remove_cvref_t<decltype(value)>;
    settings.push_back({key, help, setting_json(value).dump(), std::is_same_v<Value, Range> ? 2U : 1U,
                        std::is_same_v<Value, bool>, std::is_same_v<Value, std::string>});
  });
  return settings;
}

}  // namespace chexworld
