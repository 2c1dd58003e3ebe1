// SPDX-License-Identifier: Apache-2.0
#include "service/arguments.h"

#include "base/failure.h"

#include <algorithm>
#include <charconv>

namespace chexworld {
namespace {

[[noreturn]] void reject(const std::string& name, const std::string& expected) {
  fail(ErrorCode::kInvalidArgument, "argument '" + name + "' must be " + expected);
}

template <class Names>
std::string listed(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

}  // namespace

std::optional<std::string> Arguments::text(const std::string& name) {
  known_.insert(name);
  const auto found = query_.find(name);
  return found == query_.end() ? std::nullopt : std::optional(found->second);
}

std::string Arguments::choice(const std::string& name, const std::string& fallback,
                              const std::vector<std::string>& allowed) {
  const std::string value = text(name, fallback);
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) reject(name, "one of " + listed(allowed));
  return value;
}

bool Arguments::boolean(const std::string& name, bool fallback) {
  const std::optional<std::string> value = text(name);
  if (!value) return fallback;
  if (value->empty() || *value == "true" || *value == "1") return true;
  if (*value == "false" || *value == "0") return false;
  reject(name, "true or false");
}

std::optional<std::int64_t> Arguments::integer(const std::string& name, std::int64_t least, std::int64_t most) {
  const std::optional<std::string> value = text(name);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  const char* end = value->data() + value->size();
  const auto parsed = std::from_chars(value->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < least || number > most)
    reject(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return number;
}

void Arguments::finish() const {
  for (const auto& [name, value] : query_) {
    if (!known_.contains(name))
      fail(ErrorCode::kInvalidArgument, "unknown argument '" + name + "' (there are: " + listed(known_) + ")");
  }
}

Json json_body(const HttpRequest& request) {
  if (request.body.empty()) return Json::object();
  Json json = parse_json(request.body, "the body");
  if (!json.is_object()) fail(ErrorCode::kMalformed, "the body must be a JSON object");
  return json;
}

}  // namespace chexworld
