// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <set>
#include <sstream>
#include <string>

namespace chexworld::test {

/// "GET /v1/status" and so on, from an OpenAPI file as ours are laid out: paths two columns in, their methods four.
inline std::set<std::string> openapi_routes(const std::string& yaml) {
  std::set<std::string> routes;
  std::string path;
  std::istringstream lines(yaml.substr(yaml.find("\npaths:")));
  for (std::string line; std::getline(lines, line) && line != "components:";) {
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    const bool method = line.starts_with("    ") && line.ends_with(':') && line[4] != ' ';
    if (!method) continue;
    std::string name = line.substr(4, line.size() - 5);
    for (char& c : name) c = char(std::toupper(static_cast<unsigned char>(c)));
    routes.insert(name + " " + path);
  }
  return routes;
}

}  // namespace chexworld::test
