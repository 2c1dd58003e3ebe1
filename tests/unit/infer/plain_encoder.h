// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "random_bundle.h"

#include <vector>

namespace chexworld::test {

/// The specification's encoder, one number after the other in float64: f64[B,N,D] after the final norm.
std::vector<double> plain_tokens(const RandomBundle& bundle, const std::vector<float>& images);

/// Mean over each image's N tokens: f64[B,D].
std::vector<double> plain_embedding(const std::vector<double>& tokens, std::int64_t patches, std::int64_t width);

/// Largest difference divided by the largest value of `expected`.
double relative_error(const std::vector<float>& values, const std::vector<double>& expected);

/// Smallest cosine between corresponding rows.
double least_row_cosine(const std::vector<float>& values, const std::vector<double>& expected, std::int64_t width);

}  // namespace chexworld::test
