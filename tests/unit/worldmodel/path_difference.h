// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worldmodel/tensor_augment.h"

#include <cstdint>
#include <vector>

namespace chexworld::test {

/// How far the tensor path is from the 8-bit path, in grey levels over all pixels of views and contexts.
struct PathDifference {
  std::vector<std::int64_t> pixels_by_difference = std::vector<std::int64_t>(256);  ///< [d]: that differ by d

  void add(const GrayImage& exact, const at::Tensor& gray);
  std::int64_t pixels() const;
  double mean() const;
  int largest() const;
  double share_above(int difference) const;
};

/// Both paths over `films`, with plans drawn from the streams (seed, 0, 0), (seed, 0, 1), ...
PathDifference difference_of_paths(const std::vector<GrayImage>& films, const DualViewSettings& settings,
                                   std::uint64_t seed, at::Device device);

}  // namespace chexworld::test
