// SPDX-License-Identifier: Apache-2.0
//
// Small made-up pictures for the tests of this folder.
#pragma once

#include "image/image.h"

namespace chexworld::test {

/// Repeatable, with every grey value likely, smooth in part.
inline GrayImage textured(int width, int height, std::uint32_t seed = 1) {
  GrayImage image{width, height, {}};
  std::uint32_t state = seed;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      state = state * 1664525U + 1013904223U;
      image.pixels.push_back(std::uint8_t(((x * 3 + y * 2) / 2 + int(state >> 26)) & 255));
    }
  }
  return image;
}

}  // namespace chexworld::test
