// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace chexworld {

/// Numbers from `least` to `most`. Plain value.
struct Range {
  double least = 0;
  double most = 0;

  friend bool operator==(const Range&, const Range&) = default;
};

/// Throws Failure(kInvalidArgument) naming `what` unless lower <= least <= most <= upper, all finite.
void require_range(const Range& range, const Range& allowed, const std::string& what);

/// Throws Failure(kInvalidArgument) naming `what` unless 0 <= probability <= 1.
void require_probability(double probability, const std::string& what);

}  // namespace chexworld
