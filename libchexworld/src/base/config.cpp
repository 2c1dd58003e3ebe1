// SPDX-License-Identifier: Apache-2.0
#include "base/config.h"

#include "base/failure.h"
#include "base/file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>
#include <toml++/toml.hpp>

namespace chexworld {
namespace {

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = to_json(value);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& value : *array) list.push_back(to_json(value));
    return list;
  }
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return value->get();
  if (const auto* value = node.as_floating_point()) return value->get();
  if (const auto* value = node.as_boolean()) return value->get();
  std::ostringstream text;  // dates and times stay text
  text << toml::node_view<const toml::node>(node);
  return text.str();
}

/// Levenshtein distance, for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

template <class T>
std::string describe(ConfigReader::Range<T> range) {
  std::ostringstream text;
  text << range.least << " to " << range.most;
  return text.str();
}

}  // namespace

Json read_config_file(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path, 16u << 20);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string extension = path.extension().string();
  if (extension == ".json") return parse_json(text, path.string());
  if (extension == ".toml") return parse_toml(text, path.string());
  fail(ErrorCode::kInvalidArgument, path.string() + ": a configuration file ends in .json or .toml");
}

Json parse_json(std::string_view text, std::string_view origin) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const std::string_view before = text.substr(0, std::min(text.size(), error.byte > 0 ? error.byte - 1 : 0));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto column = before.size() - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
    fail(ErrorCode::kMalformed, std::string(origin) + ": not valid JSON at line " + std::to_string(line) + ", column " +
                                    std::to_string(column));
  }
}

Json parse_toml(std::string_view text, std::string_view origin) {
  try {
    return to_json(toml::parse(text));
  } catch (const toml::parse_error& error) {
    std::ostringstream message;
    message << origin << ": not valid TOML at line " << error.source().begin.line << ", column "
            << error.source().begin.column << ": " << error.description();
    fail(ErrorCode::kMalformed, message.str());
  }
}

ConfigReader::ConfigReader(Json object, std::string where) : object_(std::move(object)), where_(std::move(where)) {
  if (object_.is_null()) object_ = Json::object();
  if (!object_.is_object()) fail(ErrorCode::kInvalidArgument, where_ + ": expected an object of keys and values");
}

const Json* ConfigReader::take(const std::string& key) {
  known_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

void ConfigReader::reject(const std::string& key, const std::string& expected, const Json& found) const {
  fail(ErrorCode::kInvalidArgument, where_ + ": '" + key + "' must be " + expected + ", not " + found.dump());
}

bool ConfigReader::boolean(const std::string& key, bool fallback) {
  const Json* value = take(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) reject(key, "true or false", *value);
  return value->get<bool>();
}

std::int64_t ConfigReader::integer(const std::string& key, std::int64_t fallback, Range<std::int64_t> allowed) {
  const Json* value = take(key);
  if (value == nullptr) return fallback;
  const std::string expected = "a whole number from " + describe(allowed);
  if (!value->is_number_integer()) reject(key, expected, *value);
  const bool too_big = value->is_number_unsigned() &&
                       value->get<std::uint64_t>() > std::uint64_t(std::numeric_limits<std::int64_t>::max());
  if (too_big || value->get<std::int64_t>() < allowed.least || value->get<std::int64_t>() > allowed.most)
    reject(key, expected, *value);
  return value->get<std::int64_t>();
}

double ConfigReader::number(const std::string& key, double fallback, Range<double> allowed) {
  const Json* value = take(key);
  if (value == nullptr) return fallback;
  const std::string expected = "a number from " + describe(allowed);
  if (!value->is_number()) reject(key, expected, *value);
  const double number = value->get<double>();
  if (!(number >= allowed.least && number <= allowed.most)) reject(key, expected, *value);
  return number;
}

std::string ConfigReader::text(const std::string& key, const std::string& fallback) {
  const Json* value = take(key);
  if (value == nullptr) return fallback;
  if (!value->is_string()) reject(key, "text", *value);
  return value->get<std::string>();
}

std::string ConfigReader::choice(const std::string& key, const std::string& fallback,
                                 const std::vector<std::string>& allowed) {
  const std::string chosen = text(key, fallback);
  if (std::find(allowed.begin(), allowed.end(), chosen) != allowed.end()) return chosen;
  std::string list;
  for (const std::string& name : allowed) list += (list.empty() ? "" : ", ") + name;
  reject(key, "one of " + list, Json(chosen));
}

std::vector<std::string> ConfigReader::texts(const std::string& key) {
  const Json* value = take(key);
  if (value == nullptr) return {};
  const bool all_text =
      value->is_array() && std::all_of(value->begin(), value->end(), [](const Json& v) { return v.is_string(); });
  if (!all_text) reject(key, "a list of texts", *value);
  return value->get<std::vector<std::string>>();
}

ConfigReader ConfigReader::section(const std::string& key) {
  const Json* value = take(key);
  return ConfigReader(value == nullptr ? Json::object() : *value, where_ + ": " + key);
}

std::vector<ConfigReader> ConfigReader::sections(const std::string& key) {
  const Json* value = take(key);
  if (value == nullptr) return {};
  if (!value->is_array()) reject(key, "a list of objects", *value);
  std::vector<ConfigReader> readers;
  for (const Json& item : *value)
    readers.emplace_back(item, where_ + ": " + key + "[" + std::to_string(readers.size()) + "]");
  return readers;
}

void ConfigReader::finish() const {
  for (const auto& item : object_.items()) {
    if (known_.contains(item.key())) continue;
    std::string message = where_ + ": unknown key '" + item.key() + "'";
    const auto nearest = std::min_element(known_.begin(), known_.end(), [&](const auto& a, const auto& b) {
      return edit_distance(item.key(), a) < edit_distance(item.key(), b);
    });
    if (nearest != known_.end() && edit_distance(item.key(), *nearest) <= 3)
      message += " (did you mean '" + *nearest + "'?)";
    fail(ErrorCode::kInvalidArgument, message);
  }
}

}  // namespace chexworld
