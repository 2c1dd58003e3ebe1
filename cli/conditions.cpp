// SPDX-License-Identifier: Apache-2.0
#include "cli/conditions.h"

#include "base/failure.h"
#include "trainer/archive/archive.h"

#include <numeric>

namespace chexworld::cli {

std::pair<std::string, std::string> condition(const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0)
    fail(ErrorCode::kInvalidArgument, "a condition is NAME=VALUE, not '" + text + "'");
  return {text.substr(0, sign), text.substr(sign + 1)};
}

std::vector<std::int64_t> films_of(const Archive& archive, const std::vector<std::string>& conditions) {
  std::vector<std::int64_t> films(std::size_t(archive.size()));
  std::iota(films.begin(), films.end(), 0);
  for (const std::string& text : conditions) {
    const auto [column, value] = condition(text);
    std::erase_if(films, [&](std::int64_t film) { return archive.value(film, column) != value; });
  }
  return films;
}

}  // namespace chexworld::cli
