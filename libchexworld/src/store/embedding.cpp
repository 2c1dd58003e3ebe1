// SPDX-License-Identifier: Apache-2.0
#include "store/embedding.h"

#include "base/failure.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace chexworld {
namespace {

constexpr std::size_t kHeaderBytes = 4;

void put_u16(Bytes& bytes, std::uint16_t value) {
  bytes.push_back(std::byte(value >> 8));
  bytes.push_back(std::byte(value & 0xff));
}

std::uint16_t get_u16(std::span<const std::byte> bytes, std::size_t at) {
  return std::uint16_t(std::to_integer<unsigned>(bytes[at]) << 8 | std::to_integer<unsigned>(bytes[at + 1]));
}

[[noreturn]] void fail_malformed(const char* what) {
  fail(ErrorCode::kMalformed, std::string(what) + " in the store is damaged: run chexworld store verify");
}

}  // namespace

EncodedEmbedding encode_embedding(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  const int exponent = std::ilogb(largest);
  EncodedEmbedding encoded{{}, std::ldexp(1.0, exponent)};
  encoded.bytes.reserve(kHeaderBytes + 2 * values.size());
  put_u16(encoded.bytes, std::uint16_t(values.size()));
  put_u16(encoded.bytes, 0);
  for (const float value : values) {
    const auto half = static_cast<_Float16>(std::ldexp(value, -exponent));
    put_u16(encoded.bytes, std::bit_cast<std::uint16_t>(half));
  }
  return encoded;
}

std::vector<float> decode_embedding(std::span<const std::byte> bytes, double scale) {
  if (bytes.size() < kHeaderBytes || !std::isfinite(scale) || scale <= 0) fail_malformed("an embedding");
  const std::size_t count = get_u16(bytes, 0);
  if (count == 0 || get_u16(bytes, 2) != 0 || bytes.size() != kHeaderBytes + 2 * count) fail_malformed("an embedding");
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto half = std::bit_cast<_Float16>(get_u16(bytes, kHeaderBytes + 2 * i));
    values[i] = float(double(half) * scale);
    if (!std::isfinite(values[i])) fail_malformed("an embedding");
  }
  return values;
}

Bytes encode_floats(std::span<const float> values) {
  Bytes bytes;
  bytes.reserve(4 * values.size());
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(std::byte(bits >> shift & 0xff));
  }
  return bytes;
}

std::vector<float> decode_floats(std::span<const std::byte> bytes) {
  if (bytes.size() % 4 != 0) fail_malformed("a list of findings");
  std::vector<float> values(bytes.size() / 4);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 4; ++k) bits |= std::to_integer<std::uint32_t>(bytes[4 * i + k]) << (8 * k);
    values[i] = std::bit_cast<float>(bits);
  }
  return values;
}

}  // namespace chexworld
