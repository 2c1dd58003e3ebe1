// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace chexworld {

/// The two halves of a request target, percent-decoded (RFC 3986): "/a%20b?k=v&flag" -> path "/a b", {k: v, flag: ""}.
struct RequestTarget {
  std::string path;
  std::map<std::string, std::string> query;
};

/// Nothing for a target that is not a path, has a bad percent escape or an embedded NUL.
std::optional<RequestTarget> parse_target(std::string_view target);

}  // namespace chexworld
