// SPDX-License-Identifier: Apache-2.0
#include "bundle/convert.h"

#include "base/failure.h"
#include "bundle/printable.h"
#include "bundle/safetensors_header.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace chexworld {
namespace {

template <class Stored, class Convert>
std::vector<float> converted(const TensorView& tensor, Convert convert) {
  std::vector<float> values(tensor.bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, tensor.bytes.data() + i * sizeof stored, sizeof stored);
    values[i] = convert(stored);
  }
  return values;
}

template <class Stored>
std::vector<float> cast(const TensorView& tensor) {
  return converted<Stored>(tensor, [](Stored value) { return static_cast<float>(value); });
}

/// `value` without its last `shift` bits, rounded to nearest, ties to even.
std::uint32_t rounded_shift(std::uint32_t value, int shift) {
  const std::uint32_t half = 1u << (shift - 1);
  const std::uint32_t odd = (value >> shift) & 1u;
  return (value + half - 1 + odd) >> shift;
}

}  // namespace

float float_from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t(bits) << 16); }

float float_from_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0) {  // zero and subnormal: fraction times 2^-24
    const float magnitude = std::ldexp(float(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 0x1f ? 0xffu : exponent + 112;  // 127 - 15
  return std::bit_cast<float>(sign | wide_exponent << 23 | fraction << 13);
}

std::uint16_t bfloat16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return std::uint16_t(bits >> 16 | 0x40u);
  return std::uint16_t(rounded_shift(bits, 16));
}

std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (std::isnan(value)) return std::uint16_t(sign | 0x7e00u | (magnitude >> 13 & 0x1ffu));
  if (magnitude >= 0x47800000u) return std::uint16_t(sign | 0x7c00u);  // 2^16 and above
  if (magnitude >= 0x38800000u)                                        // normal: 2^-14 and above; may round up to 2^16
    return std::uint16_t(sign | rounded_shift(magnitude - (112u << 23), 13));
  if (magnitude < 0x33000000u) return std::uint16_t(sign);  // below half of the least subnormal, 2^-25
  const std::uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
  return std::uint16_t(sign | rounded_shift(significand, 126 - int(magnitude >> 23)));
}

std::vector<float> to_floats(const TensorView& tensor) {
  if (byte_count(tensor.type, tensor.shape) != tensor.bytes.size())
    fail(ErrorCode::kInvalidArgument, "a tensor of shape " + shape_text(tensor.shape) + " does not have " +
                                          std::to_string(tensor.bytes.size()) + " bytes");
  switch (tensor.type) {
    case DataType::kF64: return cast<double>(tensor);
    case DataType::kF32: return cast<float>(tensor);
    case DataType::kF16: return converted<std::uint16_t>(tensor, float_from_half);
    case DataType::kBF16: return converted<std::uint16_t>(tensor, float_from_bfloat16);
    case DataType::kI64: return cast<std::int64_t>(tensor);
    case DataType::kI32: return cast<std::int32_t>(tensor);
    case DataType::kI16: return cast<std::int16_t>(tensor);
    case DataType::kI8: return cast<std::int8_t>(tensor);
    case DataType::kU8: return cast<std::uint8_t>(tensor);
    case DataType::kBool:
      return converted<std::uint8_t>(tensor, [](std::uint8_t value) { return value != 0 ? 1.0f : 0.0f; });
  }
  fail(ErrorCode::kInternal, "unknown element type");
}

}  // namespace chexworld
