// SPDX-License-Identifier: Apache-2.0
#include "store/sql.h"

#include "base/failure.h"

#include <array>
#include <utility>

namespace chexworld {
namespace {

template <class T>
const T& expect(const SqlValue& value, std::size_t column) {
  if (const T* found = std::get_if<T>(&value)) return *found;
  fail(ErrorCode::kMalformed, "the store holds an unexpected kind of value in column " + std::to_string(column) +
                                  " of an answer: run chexworld store verify");
}

}  // namespace

std::int64_t SqlRow::integer(std::size_t column) const { return expect<std::int64_t>(values_.at(column), column); }

double SqlRow::real(std::size_t column) const { return expect<double>(values_.at(column), column); }

const std::string& SqlRow::text(std::size_t column) const { return expect<std::string>(values_.at(column), column); }

const Bytes& SqlRow::bytes(std::size_t column) const { return expect<Bytes>(values_.at(column), column); }

std::string Dialect::expand(std::string_view sql) const {
  const std::array<std::pair<std::string_view, const std::string*>, 10> names{{{"id", &id},
                                                                               {"integer", &integer},
                                                                               {"real", &real},
                                                                               {"bytes", &bytes},
                                                                               {"vector", &vector},
                                                                               {"as_vector", &as_vector},
                                                                               {"for_update", &for_update},
                                                                               {"for_share", &for_share},
                                                                               {"skip_locked", &skip_locked},
                                                                               {"strict", &strict}}};
  std::string text;
  while (!sql.empty()) {
    const std::size_t open = sql.find('{');
    text += sql.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = sql.find('}', open);
    const std::string_view name = sql.substr(open + 1, close - open - 1);
    for (const auto& [known, replacement] : names) {
      if (known == name) text += *replacement;
    }
    sql.remove_prefix(close + 1);
  }
  return text;
}

}  // namespace chexworld
