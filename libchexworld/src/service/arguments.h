// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/http.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace chexworld {

/// Takes the query arguments of one request (kebab-case) and refuses what nobody took:
///
///   Arguments arguments(request);
///   const bool wait = arguments.boolean("wait", true);
///   arguments.finish();   // 400: "unknown argument 'wiat' (there are: wait)"
///
/// Every getter throws Failure(kInvalidArgument) naming the argument and what is allowed, never the value: clients put
/// identifiers there. Not thread safe.
class Arguments {
 public:
  explicit Arguments(const HttpRequest& request) : query_(request.query) {}

  std::optional<std::string> text(const std::string& name);
  std::string text(const std::string& name, const std::string& fallback) { return text(name).value_or(fallback); }
  std::string choice(const std::string& name, const std::string& fallback, const std::vector<std::string>& allowed);
  /// "true", "false", "1", "0"; a bare "?name" is true.
  bool boolean(const std::string& name, bool fallback);
  std::optional<std::int64_t> integer(const std::string& name, std::int64_t least, std::int64_t most);

  void finish() const;

 private:
  const std::map<std::string, std::string> query_;
  std::set<std::string> known_;
};

/// Refuses every argument.
inline void no_arguments(const HttpRequest& request) { Arguments(request).finish(); }

/// The body as a JSON object; kMalformed. An empty body is an empty object.
Json json_body(const HttpRequest& request);

}  // namespace chexworld
