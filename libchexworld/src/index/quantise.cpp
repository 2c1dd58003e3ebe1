// SPDX-License-Identifier: Apache-2.0
#include "index/quantise.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace chexworld {

std::vector<float> normalised(std::span<const float> vector) {
  double squares = 0;
  for (const float value : vector) squares += double(value) * value;
  if (!std::isfinite(squares) || squares <= 0)
    fail(ErrorCode::kInvalidArgument, "a vector for the index must be finite and not zero");
  const double factor = 1 / std::sqrt(squares);
  std::vector<float> unit(vector.size());
  std::transform(vector.begin(), vector.end(), unit.begin(), [&](float value) { return float(value * factor); });
  return unit;
}

QueryCode quantise(std::span<const float> unit_vector) {
  float largest = 0;
  for (const float value : unit_vector) largest = std::max(largest, std::fabs(value));
  QueryCode result{std::vector<std::int8_t>(CodeTable::padded(unit_vector.size())), largest / 127};
  const float factor = largest > 0 ? 127 / largest : 0;
  for (std::size_t i = 0; i < unit_vector.size(); ++i)
    result.code[i] = std::int8_t(std::lrint(std::clamp(unit_vector[i] * factor, -127.0f, 127.0f)));
  return result;
}

CodeTable::CodeTable(std::size_t dimensions, std::size_t most_rows)
    : padded_(padded(dimensions)), column_(padded_ + sizeof(Tail), most_rows), dot_(kernels().dot_codes) {}

void CodeTable::set(std::size_t row, const QueryCode& code) {
  Tail end{std::uint32_t(std::lrint(double(code.scale) * 0x1p36)), 0};
  for (const std::int8_t value : code.code) end.sum += value;
  std::memcpy(column_.row(row), code.code.data(), padded_);
  std::memcpy(column_.row(row) + padded_, &end, sizeof end);
}

void CodeTable::clear(std::size_t row) { std::memset(column_.row(row), 0, column_.row_bytes()); }

}  // namespace chexworld
