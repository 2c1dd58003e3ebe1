// SPDX-License-Identifier: Apache-2.0
#include "index/quantise.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
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

CodeTable::CodeTable(std::size_t dimensions, std::size_t most_rows)
    : dimensions_(dimensions),
      padded_(padded(dimensions)),
      column_(padded_ + sizeof(Tail), most_rows),
      centre_(dimensions * sizeof(float), 1),
      dot_(kernels().dot_codes) {
  centre_.grow(1);
}

void CodeTable::set_centre(std::span<const float> centre) {
  std::copy(centre.begin(), centre.end(), centre_.as<float>());
  if (!restore_centre()) fail(ErrorCode::kInternal, "a centre of unit vectors is finite and not longer than they are");
}

bool CodeTable::restore_centre() {
  const std::span<const float> centre(centre_.as<float>(), dimensions_);
  centre_squares_ = std::inner_product(centre.begin(), centre.end(), centre.begin(), 0.0f);
  return std::isfinite(centre_squares_) && centre_squares_ < 1.01f;
}

QueryCode CodeTable::encode(std::span<const float> unit_vector) const {
  const float* centre = centre_.as<float>();
  std::vector<float> difference(unit_vector.begin(), unit_vector.end());
  float largest = 0;
  double lift = 0;
  for (std::size_t i = 0; i < dimensions_; ++i) {
    difference[i] -= centre[i];
    lift += double(centre[i]) * difference[i];
    largest = std::max(largest, std::fabs(difference[i]));
  }
  QueryCode result{std::vector<std::int8_t>(padded_), largest / 127, float(lift)};
  const float factor = largest > 0 ? 127 / largest : 0;
  for (std::size_t i = 0; i < dimensions_; ++i)
    result.code[i] = std::int8_t(std::lrint(std::clamp(difference[i] * factor, -127.0f, 127.0f)));
  return result;
}

void CodeTable::set(std::size_t row, const QueryCode& code) {
  Tail end{std::uint32_t(std::lrint(double(code.scale) * 0x1p36)), 0,
           std::int32_t(std::lrint(double(code.lift) * 0x1p28))};
  for (const std::int8_t value : code.code) end.sum += value;
  std::memcpy(column_.row(row), code.code.data(), padded_);
  std::memcpy(column_.row(row) + padded_, &end, sizeof end);
}

void CodeTable::clear(std::size_t row) { std::memset(column_.row(row), 0, column_.row_bytes()); }

}  // namespace chexworld
