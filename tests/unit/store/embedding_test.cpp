// SPDX-License-Identifier: Apache-2.0
#include "store/embedding.h"

#include "base/failure.h"

#include <cmath>
#include <gmock/gmock.h>
#include <random>

namespace chexworld {
namespace {

using testing::ElementsAre;

std::vector<float> there_and_back(const std::vector<float>& values) {
  const EncodedEmbedding encoded = encode_embedding(values);
  return decode_embedding(encoded.bytes, encoded.scale);
}

TEST(Embedding, HasPgvectorsBinaryForm) {
  const EncodedEmbedding encoded = encode_embedding(std::vector<float>{1, -0.5f});
  const auto bytes = [](auto... b) { return std::vector<std::byte>{std::byte(b)...}; };
  EXPECT_EQ(encoded.bytes, bytes(0, 2, 0, 0, 0x3c, 0x00, 0xb8, 0x00));
  EXPECT_EQ(encoded.scale, 1);
}

TEST(Embedding, IsExactWhereElevenBitsSuffice) {
  for (const float scale : {std::ldexp(1.0f, -120), 1.0f, std::ldexp(1.0f, 100)}) {
    const std::vector<float> values{scale * 1023, -scale * 2047, scale * 3, 0};
    EXPECT_EQ(there_and_back(values), values);
  }
}

TEST(Embedding, TheScaleIsAPowerOfTwoThatBringsTheLargestToOneOrTwo) {
  for (const float largest : {0.75f, 1.0f, 1.9f, 2.0f, 1e38f, 1e-40f}) {
    const EncodedEmbedding encoded = encode_embedding(std::vector<float>{largest});
    EXPECT_EQ(std::exp2(std::round(std::log2(encoded.scale))), encoded.scale);
    EXPECT_GE(largest / encoded.scale, 1);
    EXPECT_LT(largest / encoded.scale, 2);
  }
}

TEST(Embedding, KeepsDirections) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (int trial = 0; trial < 100; ++trial) {
    std::vector<float> values(1 + trial * 11);
    for (float& value : values) value = normal(random);
    const std::vector<float> back = there_and_back(values);
    double dot = 0, norm = 0, norm_back = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      dot += double(values[i]) * back[i];
      norm += double(values[i]) * values[i];
      norm_back += double(back[i]) * back[i];
    }
    EXPECT_GT(dot / std::sqrt(norm * norm_back), 1 - 1e-6);
  }
}

TEST(Embedding, DamageIsNoticed) {
  const EncodedEmbedding good = encode_embedding(std::vector<float>{1, 2, 3});
  const auto refuse = [](Bytes bytes, double scale) {
    EXPECT_EQ(capture([&] { return decode_embedding(bytes, scale); }).error().code(), ErrorCode::kMalformed);
  };
  for (std::size_t size = 0; size < good.bytes.size(); ++size)
    refuse(Bytes(good.bytes.begin(), good.bytes.begin() + std::ptrdiff_t(size)), 1);
  for (const double scale : {0.0, -1.0, std::nan(""), 1e300, std::numeric_limits<double>::infinity()})
    refuse(good.bytes, scale);
  Bytes infinite = good.bytes;
  infinite[4] = std::byte(0x7c);
  infinite[5] = std::byte(0);
  refuse(infinite, 1);
  refuse(Bytes(4), 1);
}

TEST(Floats, AreLittleEndian) {
  const Bytes bytes = encode_floats(std::vector<float>{1, 0.25f});
  EXPECT_THAT(bytes, ElementsAre(std::byte(0), std::byte(0), std::byte(0x80), std::byte(0x3f), std::byte(0),
                                 std::byte(0), std::byte(0x80), std::byte(0x3e)));
  EXPECT_THAT(decode_floats(bytes), ElementsAre(1, 0.25f));
  EXPECT_FALSE(capture([&] { return decode_floats(std::span(bytes).first(3)); }).ok());
}

}  // namespace
}  // namespace chexworld
