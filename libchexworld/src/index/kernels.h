// SPDX-License-Identifier: Apache-2.0
//
// The loops that search spends its time in, compiled for several instruction sets and chosen at run time.
// Every version gives the same bits: integer sums are exact, and floating-point sums use the same 16 partial sums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace chexworld {

struct Kernels {
  std::string_view name;  ///< "avx512-vnni", "avx2", "portable"

  /// Sum of a[i] * b[i]; count a multiple of 64; sum_b the sum of b[i].
  std::int32_t (*dot_codes)(const std::int8_t* a, const std::int8_t* b, std::size_t count, std::int32_t sum_b);

  /// Sum of a[i] * b[i]; count a multiple of 16.
  float (*dot_floats)(const float* a, const float* b, std::size_t count);
};

/// The fastest that this processor runs.
const Kernels& kernels();

/// All that this processor runs, slowest first.
const std::vector<Kernels>& all_kernels();

}  // namespace chexworld
