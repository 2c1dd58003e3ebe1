// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace chexworld {

/// For every output position the input positions it is made of, with their weights (sum 1).
struct ResampleFilter {
  struct Window {
    int first = 0;
    int count = 0;
  };
  std::vector<Window> windows;  ///< one per output position
  int stride = 0;               ///< weights reserved per output position
  std::vector<double> weights;  ///< [outputs, stride]; the first `count` of a row are used
};

/// Bicubic (a = -0.5), antialiased, from `input` to `output` positions; both positive.
ResampleFilter bicubic_filter(int input, int output);

/// Dense f64[output, input] matrix of the same filter: resizing is `rows * picture * columns^T`.
std::vector<double> bicubic_matrix(int input, int output);

}  // namespace chexworld
