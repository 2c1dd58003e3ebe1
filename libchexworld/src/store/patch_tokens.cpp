// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "store/records.h"

#include <algorithm>
#include <cmath>

namespace chexworld {

PatchTokens encode_patches(std::span<const float> tokens, std::uint32_t rows, std::uint32_t columns) {
  float largest = 0;
  for (const float value : tokens) {
    if (!std::isfinite(value)) fail(ErrorCode::kInvalidArgument, "a patch token holds a value that is not finite");
    largest = std::max(largest, std::fabs(value));
  }
  PatchTokens patches{rows, columns, largest / 127, std::vector<std::int8_t>(tokens.size())};
  const float factor = largest > 0 ? 127 / largest : 0;
  std::transform(tokens.begin(), tokens.end(), patches.codes.begin(),
                 [&](float value) { return std::int8_t(std::lrint(value * factor)); });
  return patches;
}

}  // namespace chexworld
