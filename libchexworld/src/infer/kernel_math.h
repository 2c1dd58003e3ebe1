// SPDX-License-Identifier: Apache-2.0
//
// What the kernels share. Included by sources that are compiled with PER_INSTRUCTION_SET only.
#pragma once

#include "infer/kernels.h"

#include <bit>
#include <cstdint>

// Compiled once per instruction set; the loader picks. Sanitizers start too late for that.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PER_INSTRUCTION_SET __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PER_INSTRUCTION_SET
#endif
#define INLINED inline __attribute__((always_inline))

namespace chexworld {

constexpr float kRoundingShift = 12582912.0F;  // 1.5 * 2^23: adding it leaves the integer in the low bits

INLINED void store(float value, float* to) { *to = value; }

INLINED void store(float value, Bfloat16Bits* to) {  // nearest, ties to even; not for NaN
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  *to = Bfloat16Bits((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

INLINED float load(const float* from) { return *from; }
INLINED float load(const Bfloat16Bits* from) { return std::bit_cast<float>(std::uint32_t(*from) << 16); }

/// e^x for x <= 0, to 2 units in the last place; 0 below -87.
INLINED float exp_of_negative(float x) {
  x = x > -87.0F ? x : -87.0F;
  const float shifted = x * 1.44269504F + kRoundingShift;
  const float n = shifted - kRoundingShift;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;  // minimax polynomial of (e^r - 1 - r) / r^2 on |r| <= ln(2)/2
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::int32_t exponent = std::bit_cast<std::int32_t>(shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(p) + exponent);
}

/// x times the normal distribution function, to 4e-7: the error function by Abramowitz and Stegun 7.1.26.
INLINED float gelu(float x) {
  const float size = (x < 0 ? -x : x) * 0.70710678F;
  const float t = 1.0F / (1.0F + 0.3275911F * size);
  float p = 1.061405429F;
  p = p * t - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const float tail = 0.5F * p * t * exp_of_negative(-size * size);  // of the distribution, beyond |x|
  return x * (x < 0 ? tail : 1.0F - tail);
}

}  // namespace chexworld
