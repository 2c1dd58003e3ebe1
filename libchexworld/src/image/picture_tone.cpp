// SPDX-License-Identifier: Apache-2.0
#include "image/picture_tone.h"

#include <algorithm>
#include <cmath>

namespace chexworld {

PictureTone tone_of(std::span<const float> prepared, const Normalization& normalization) {
  const auto channel = prepared.first(prepared.size() / 3);
  if (channel.empty()) return {};
  double sum = 0, squares = 0;
  for (const float value : channel) {
    sum += double(value);
    squares += double(value) * double(value);
  }
  const double mean = sum / double(channel.size());
  const double variance = std::max(0.0, squares / double(channel.size()) - mean * mean);
  const auto scale = double(normalization.deviation[0]);
  return {mean * scale + double(normalization.mean[0]), std::sqrt(variance) * scale};
}

}  // namespace chexworld
