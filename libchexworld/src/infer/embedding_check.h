// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "infer/backend.h"

#include <cstdint>
#include <span>
#include <vector>

namespace chexworld {

/// Smallest cosine between the rows of two f32[B,width].
double least_cosine(std::span<const float> a, std::span<const float> b, std::int64_t width);

/// Largest difference divided by the largest value of `expected`.
double relative_difference(std::span<const float> values, std::span<const float> expected);

/// Embeddings f32[batch,D] of images f32[batch,C,S,S], one image at a time.
std::vector<float> embed_singly(const Backend& backend, const EncoderShape& shape, std::span<const float> images);

}  // namespace chexworld
