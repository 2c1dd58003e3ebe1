// SPDX-License-Identifier: Apache-2.0
#include "bundle/convert.h"

#include "base/failure.h"
#include "builders.h"

#include <bit>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>

namespace chexworld {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The narrow number nearest to `value` found by trying all of them; ties to the even one.
template <class Widen>
std::uint16_t nearest(float value, Widen widen, std::uint16_t largest) {
  std::uint16_t best = 0;
  double distance = std::numeric_limits<double>::infinity();
  for (std::uint32_t bits = 0; bits <= largest; ++bits) {
    const double d = std::abs(double(widen(std::uint16_t(bits))) - double(std::abs(value)));
    if (d < distance || (d == distance && bits % 2 == 0)) {
      distance = d;
      best = std::uint16_t(bits);
    }
  }
  return std::uint16_t(best | (std::signbit(value) ? 0x8000u : 0u));
}

TEST(Convert, HalfKnownValues) {
  EXPECT_EQ(float_from_half(0x3c00), 1.0f);
  EXPECT_EQ(float_from_half(0xc000), -2.0f);
  EXPECT_EQ(float_from_half(0x7bff), 65504.0f);
  EXPECT_EQ(float_from_half(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(float_from_half(0x7c00), kInfinity);
  EXPECT_TRUE(std::isnan(float_from_half(0x7e00)));
  EXPECT_TRUE(std::signbit(float_from_half(0x8000)));
}

TEST(Convert, HalfSurvivesTheWayThereAndBack) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = std::uint16_t(bits);
    const std::uint16_t back = half_from_float(float_from_half(half));
    const bool nan = (half & 0x7fffu) > 0x7c00u;
    EXPECT_EQ(back, nan ? half | 0x0200u : half) << bits;
  }
}

TEST(Convert, Bfloat16SurvivesTheWayThereAndBack) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto narrow = std::uint16_t(bits);
    const bool nan = (narrow & 0x7fffu) > 0x7f80u;
    EXPECT_EQ(bfloat16_from_float(float_from_bfloat16(narrow)), nan ? narrow | 0x0040u : narrow) << bits;
  }
}

TEST(Convert, NarrowingRoundsToNearestEven) {
  std::uint32_t state = 1;
  for (int i = 0; i < 300; ++i) {
    state = state * 1664525u + 1013904223u;
    // exponents around and below the half range, among them exact ties
    const float value = std::ldexp(float(int(state >> 8 & 0xffffffu) - (1 << 23)), -int(state % 40u) - 10);
    EXPECT_EQ(half_from_float(value), nearest(value, float_from_half, 0x7bff)) << value;
    EXPECT_EQ(bfloat16_from_float(value), nearest(value, float_from_bfloat16, 0x7f7f)) << value;
  }
  EXPECT_EQ(half_from_float(1.0f + std::ldexp(1.0f, -11)), 0x3c00);      // tie, to even below
  EXPECT_EQ(half_from_float(1.0f + 3 * std::ldexp(1.0f, -11)), 0x3c02);  // tie, to even above
  EXPECT_EQ(half_from_float(std::ldexp(1.0f, -25)), 0x0000);             // tie at half of the least subnormal
  EXPECT_EQ(half_from_float(std::nextafter(std::ldexp(1.0f, -25), 1.0f)), 0x0001);
}

TEST(Convert, NarrowingOverflowsToInfinity) {
  EXPECT_EQ(half_from_float(65519.0f), 0x7bff);
  EXPECT_EQ(half_from_float(65520.0f), 0x7c00);
  EXPECT_EQ(half_from_float(-1e30f), 0xfc00);
  EXPECT_EQ(half_from_float(kInfinity), 0x7c00);
  EXPECT_EQ(bfloat16_from_float(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(half_from_float(std::bit_cast<float>(0xff800001u)) & 0xfe00u, 0xfe00u);
}

TEST(Convert, EveryTypeBecomesFloats) {
  const auto floats = [](DataType type, const auto& values) {
    return to_floats(test::view_of(type, {std::int64_t(values.size())}, values));
  };
  using testing::ElementsAre;
  EXPECT_THAT(floats(DataType::kF64, std::vector<double>{0.1, -3}), ElementsAre(0.1f, -3));
  EXPECT_THAT(floats(DataType::kF32, std::vector<float>{0.1f, -3}), ElementsAre(0.1f, -3));
  EXPECT_THAT(floats(DataType::kF16, std::vector<std::uint16_t>{0x3c00, 0xc000}), ElementsAre(1, -2));
  EXPECT_THAT(floats(DataType::kBF16, std::vector<std::uint16_t>{0x3f80, 0xc000}), ElementsAre(1, -2));
  EXPECT_THAT(floats(DataType::kI64, std::vector<std::int64_t>{-7, 9}), ElementsAre(-7, 9));
  EXPECT_THAT(floats(DataType::kI32, std::vector<std::int32_t>{-7, 9}), ElementsAre(-7, 9));
  EXPECT_THAT(floats(DataType::kI16, std::vector<std::int16_t>{-7, 9}), ElementsAre(-7, 9));
  EXPECT_THAT(floats(DataType::kI8, std::vector<std::int8_t>{-7, 9}), ElementsAre(-7, 9));
  EXPECT_THAT(floats(DataType::kU8, std::vector<std::uint8_t>{200, 9}), ElementsAre(200, 9));
  EXPECT_THAT(floats(DataType::kBool, std::vector<std::uint8_t>{0, 1}), ElementsAre(0, 1));
}

TEST(Convert, BytesMustFitTheShape) {
  const std::vector<float> values{1, 2};
  const auto result = capture([&] { return to_floats(test::view_of(DataType::kF32, {3}, values)); });
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld
