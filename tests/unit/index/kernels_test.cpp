// SPDX-License-Identifier: Apache-2.0
#include "index/kernels.h"

#include "base/checksum.h"
#include "index/quantise.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <random>
#include <string_view>

namespace chexworld {
namespace {

TEST(Kernels, CodeProductsAreExactInEveryVersion) {
  std::mt19937 random(1);
  for (const std::size_t count : {64u, 192u, 768u, 1024u, 4096u}) {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::int8_t> a(count), b(count);
      std::int64_t expected = 0;
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        // The first round takes the largest codes of one sign, where sums could saturate.
        a[i] = round == 0 ? std::int8_t{127} : std::int8_t(int(random() % 255) - 127);
        b[i] = round == 0 ? std::int8_t{-127} : std::int8_t(int(random() % 255) - 127);
        expected += std::int64_t(a[i]) * b[i];
        sum += b[i];
      }
      for (const Kernels& version : all_kernels())
        EXPECT_EQ(version.dot_codes(a.data(), b.data(), count, sum), expected) << version.name << " " << count;
    }
  }
}

TEST(Kernels, ProductsAreTheSameBitsInEveryVersion) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (const std::size_t count : {16u, 768u, 1040u}) {
    std::vector<float> query(count), row(count);
    double expected = 0;
    for (std::size_t i = 0; i < count; ++i) {
      query[i] = normal(random);
      row[i] = normal(random);
      expected += double(query[i]) * row[i];
    }
    const float first = all_kernels().front().dot_floats(query.data(), row.data(), count);
    EXPECT_NEAR(first, expected, 1e-3);
    for (const Kernels& version : all_kernels())
      EXPECT_EQ(std::bit_cast<std::uint32_t>(version.dot_floats(query.data(), row.data(), count)),
                std::bit_cast<std::uint32_t>(first))
          << version.name;
  }
}

TEST(Kernels, ChecksumsAreTheSameWithAndWithoutTheInstruction) {
  constexpr std::string_view kCheck = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(kCheck))), 0xE3069283u);  // the check value of CRC-32C's catalogue entry
  std::mt19937 random(3);
  std::vector<std::byte> bytes(1001);
  for (std::byte& byte : bytes) byte = std::byte(random());
  for (std::size_t count = 0; count < bytes.size(); count += 37)
    EXPECT_EQ(crc32c(std::span(bytes).first(count)), crc32c_portable(std::span(bytes).first(count)));
}

TEST(Quantise, CodesKeepCosinesWithinATwoHundredth) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  CodeTable table(100, 16);
  table.column().grow(16);
  for (std::uint32_t row = 0; row < 16; ++row) {
    std::vector<float> a(100), b(100);
    for (std::size_t i = 0; i < a.size(); ++i) b[i] = 0.5f * (a[i] = normal(random)) + normal(random);
    const std::vector<float> unit_a = normalised(a), unit_b = normalised(b);
    double cosine = 0;
    for (std::size_t i = 0; i < a.size(); ++i) cosine += double(unit_a[i]) * unit_b[i];
    table.set(row, table.encode(unit_b));
    EXPECT_NEAR(table.similarity(table.encode(unit_a), row), cosine, 0.005);
  }
}

// What embeddings have in common must not cost the codes their precision.
TEST(Quantise, CentredCodesKeepSmallDifferences) {
  constexpr std::size_t kDimensions = 256, kRows = 64;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> common(kDimensions);
  for (float& value : common) value = normal(random);
  std::vector<std::vector<float>> units;
  std::vector<float> mean(kDimensions);
  for (std::size_t row = 0; row < kRows; ++row) {
    std::vector<float> vector = common;
    for (float& value : vector) value += 0.05f * normal(random);
    units.push_back(normalised(vector));
    for (std::size_t i = 0; i < kDimensions; ++i) mean[i] += units.back()[i] / kRows;
  }
  const auto largest_error = [&](const CodeTable& table) {
    double largest = 0;
    for (std::size_t a = 0; a < kRows; ++a)
      for (std::size_t b = 0; b < kRows; ++b) {
        const double cosine = std::inner_product(units[a].begin(), units[a].end(), units[b].begin(), 0.0);
        largest = std::max(largest, std::fabs(table.similarity(table.encode(units[a]), b) - cosine));
        EXPECT_NEAR(table.similarity(a, b), table.similarity(table.encode(units[a]), b), 1e-6);
      }
    return largest;
  };
  const auto filled = [&](CodeTable& table) {
    table.column().grow(kRows);
    for (std::size_t row = 0; row < kRows; ++row) table.set(row, table.encode(units[row]));
  };
  CodeTable plain(kDimensions, kRows), centred(kDimensions, kRows);
  filled(plain);
  centred.set_centre(mean);
  filled(centred);
  EXPECT_LT(largest_error(centred), 1e-4);
  EXPECT_GT(largest_error(plain), 5 * largest_error(centred));
}

}  // namespace
}  // namespace chexworld
