// SPDX-License-Identifier: Apache-2.0
#include "index/kernels.h"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace chexworld {
namespace {

constexpr std::size_t kLanes = 16;

/// Adds the partial sums in one fixed order.
float total(std::array<float, kLanes> lanes) {
  for (std::size_t width = kLanes / 2; width > 0; width /= 2)
    for (std::size_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

std::int32_t dot_codes_portable(const std::int8_t* a, const std::int8_t* b, std::size_t count, std::int32_t) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::int32_t(a[i]) * b[i];
  return sum;
}

float dot_floats_portable(const float* a, const float* b, std::size_t count) {
  std::array<float, kLanes> lanes{};
  for (std::size_t i = 0; i < count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  return total(lanes);
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) std::int32_t dot_codes_avx2(const std::int8_t* a, const std::int8_t* b,
                                                            std::size_t count, std::int32_t) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < count; i += 16) {
    const __m256i left = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    const __m256i right = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(left, right));
  }
  alignas(32) std::array<std::int32_t, 8> lanes;
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes.data()), sum);
  std::int32_t result = 0;
  for (const std::int32_t lane : lanes) result += lane;
  return result;
}

__attribute__((target("avx2"))) float dot_floats_avx2(const float* a, const float* b, std::size_t count) {
  __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
  for (std::size_t i = 0; i < count; i += kLanes) {
    low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    high = _mm256_add_ps(high, _mm256_mul_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8)));
  }
  std::array<float, kLanes> lanes;
  _mm256_storeu_ps(lanes.data(), low);
  _mm256_storeu_ps(lanes.data() + 8, high);
  return total(lanes);
}

// The instruction multiplies unsigned by signed: a + 128 is unsigned, and 128 * sum_b is taken off again.
__attribute__((target("avx512f,avx512bw,avx512vnni"))) std::int32_t dot_codes_vnni(const std::int8_t* a,
                                                                                   const std::int8_t* b,
                                                                                   std::size_t count,
                                                                                   std::int32_t sum_b) {
  const __m512i sign = _mm512_set1_epi8(char(0x80));
  __m512i sum = _mm512_setzero_si512();
  for (std::size_t i = 0; i < count; i += 64) {
    const __m512i left = _mm512_xor_si512(_mm512_loadu_si512(a + i), sign);
    sum = _mm512_dpbusd_epi32(sum, left, _mm512_loadu_si512(b + i));
  }
  return std::int32_t(std::uint32_t(_mm512_reduce_add_epi32(sum)) - 128u * std::uint32_t(sum_b));  // wraps, never traps
}

#endif

std::vector<Kernels> runnable() {
  std::vector<Kernels> found{{"portable", dot_codes_portable, dot_floats_portable}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) {
    found.push_back({"avx2", dot_codes_avx2, dot_floats_avx2});
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
      found.push_back({"avx512-vnni", dot_codes_vnni, dot_floats_avx2});
  }
#endif
  return found;
}

}  // namespace

const std::vector<Kernels>& all_kernels() {
  static const std::vector<Kernels> all = runnable();
  return all;
}

const Kernels& kernels() {
  static const Kernels& best = all_kernels().back();
  return best;
}

}  // namespace chexworld
