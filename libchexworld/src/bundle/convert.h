// SPDX-License-Identifier: Apache-2.0
//
// Between element types. Narrowing rounds to nearest, ties to even; NaN stays NaN (quiet), overflow becomes infinity.
#pragma once

#include <chexworld/tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace chexworld {

float float_from_half(std::uint16_t bits);      ///< IEEE 754 binary16
float float_from_bfloat16(std::uint16_t bits);  ///< the upper half of a binary32
std::uint16_t half_from_float(float value);
std::uint16_t bfloat16_from_float(float value);

/// Every element as float, in the tensor's order: f32[element_count]. Integers and f64 are rounded to nearest.
/// Throws Failure(kInvalidArgument) where the bytes do not fit the shape.
std::vector<float> to_floats(const TensorView& tensor);

}  // namespace chexworld
