// SPDX-License-Identifier: Apache-2.0
#include "views/random.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace chexworld {

namespace {

constexpr int kRounds = 10;
constexpr std::uint64_t kMultiplierA = 0xD2511F53;
constexpr std::uint64_t kMultiplierB = 0xCD9E8D57;
constexpr std::uint32_t kWeylA = 0x9E3779B9;  // golden ratio
constexpr std::uint32_t kWeylB = 0xBB67AE85;  // sqrt(3) - 1

}  // namespace

PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t a = kMultiplierA * counter[0];
    const std::uint64_t b = kMultiplierB * counter[2];
    counter = {std::uint32_t(b >> 32) ^ counter[1] ^ key[0], std::uint32_t(b),
               std::uint32_t(a >> 32) ^ counter[3] ^ key[1], std::uint32_t(a)};
    key[0] += kWeylA;
    key[1] += kWeylB;
  }
  return counter;
}

StreamRandom::StreamRandom(const RandomStream& stream)
    : key_{std::uint32_t(stream.seed), std::uint32_t(stream.seed >> 32)},
      counter_{0, std::uint32_t(stream.index), stream.pass,
               std::uint32_t(stream.index >> 32) << 8 | std::uint32_t(stream.purpose)} {}

std::uint32_t StreamRandom::bits() {
  if (used_ == block_.size()) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

double StreamRandom::uniform() { return double(bits() >> 8) * 0x1p-24; }

// Lemire (2019): the high half of bits * count; the few low halves that would favour a number are drawn again.
std::int64_t StreamRandom::below(std::int64_t count) {
  const auto n = std::uint32_t(count);
  const std::uint32_t unfair = -n % n;
  std::uint64_t product = std::uint64_t(bits()) * n;
  while (std::uint32_t(product) < unfair) product = std::uint64_t(bits()) * n;
  return std::int64_t(product >> 32);
}

bool happens(RandomSource& random, double probability) { return random.uniform() < probability; }

double uniform_in(RandomSource& random, const Range& range) {
  return range.least + random.uniform() * (range.most - range.least);
}

double log_uniform_in(RandomSource& random, const Range& range) {
  return std::exp(uniform_in(random, {std::log(range.least), std::log(range.most)}));
}

void fill_normal(RandomSource& random, std::span<float> output) {
  for (std::size_t i = 0; i < output.size(); i += 2) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform()));
    const double angle = 2.0 * std::numbers::pi * random.uniform();
    output[i] = float(radius * std::cos(angle));
    if (i + 1 < output.size()) output[i + 1] = float(radius * std::sin(angle));
  }
}

std::vector<std::int64_t> random_permutation(RandomSource& random, std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[std::size_t(random.below(std::int64_t(i)))]);
  return order;
}

}  // namespace chexworld
