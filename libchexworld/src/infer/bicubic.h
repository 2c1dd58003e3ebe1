// SPDX-License-Identifier: Apache-2.0
//
// Change of size of learned tables (specification section 1): bicubic, a = -0.75, half-pixel centres, edges repeated,
// no antialiasing, values not rescaled.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace chexworld {

/// f32[planes, from, from] -> f32[planes, to, to]
std::vector<float> resize_planes(std::span<const float> planes, std::int64_t from, std::int64_t to);

/// The position table f32[from*from, width] -> f32[to*to, width]
std::vector<float> resize_table(std::span<const float> table, std::int64_t from, std::int64_t to);

}  // namespace chexworld
