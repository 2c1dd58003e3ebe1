// SPDX-License-Identifier: Apache-2.0
//
// Configuration: one JSON object, whatever file it came from, read so that a misspelt key cannot pass.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

using Json = nlohmann::json;

/// Reads a .json or .toml file; throws Failure naming file, line and column.
Json read_config_file(const std::filesystem::path& path);

/// Parsing from memory; `origin` stands in messages.
Json parse_json(std::string_view text, std::string_view origin);
Json parse_toml(std::string_view text, std::string_view origin);

/// Takes the keys of one object, each at most once, and complains about what nobody took:
///
///   ConfigReader reader(json, "train.toml");
///   options.batch_size = reader.integer("batch_size", 16, {1, 65536});
///   ConfigReader masks = reader.section("masks");
///   ...
///   reader.finish();   // "train.toml: unknown key 'bach_size' (did you mean 'batch_size'?)"
///
/// Every getter throws Failure(kInvalidArgument) naming the key, what was found and what is allowed.
/// Not thread safe.
class ConfigReader {
 public:
  template <class T>
  struct Range {
    T least;
    T most;
  };

  ConfigReader(Json object, std::string where);

  bool has(const std::string& key) const { return object_.contains(key); }
  bool boolean(const std::string& key, bool fallback);
  std::int64_t integer(const std::string& key, std::int64_t fallback, Range<std::int64_t> allowed);
  double number(const std::string& key, double fallback, Range<double> allowed);
  std::string text(const std::string& key, const std::string& fallback);
  std::string choice(const std::string& key, const std::string& fallback, const std::vector<std::string>& allowed);
  std::vector<std::string> texts(const std::string& key);
  /// The object below `key`; empty when absent. Its own finish() must be called.
  ConfigReader section(const std::string& key);
  /// The objects of the list below `key`; none when absent. Each one's own finish() must be called.
  std::vector<ConfigReader> sections(const std::string& key);

  /// Throws for the first key that nobody asked for.
  void finish() const;

 private:
  const Json* take(const std::string& key);
  [[noreturn]] void reject(const std::string& key, const std::string& expected, const Json& found) const;

  Json object_;
  std::string where_;
  std::set<std::string> known_;  // asked for
};

}  // namespace chexworld
