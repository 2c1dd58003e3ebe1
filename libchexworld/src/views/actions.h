// SPDX-License-Identifier: Apache-2.0
//
// The domain action: how a context's appearance differs from its view (spec section 2.4).
// Pure functions over plain values: safe from any thread as long as the random sources are not shared.
#pragma once

#include "image/image.h"
#include "views/random.h"
#include "views/range.h"

#include <array>

namespace chexworld {

/// What was done to a picture, in this order. The default is "nothing". Single precision, because the
/// network is told exactly what was applied.
struct Action {
  float brightness = 1;   ///< factor
  float contrast = 1;     ///< factor about the mean
  float gamma = 1;        ///< exponent
  float blur_radius = 0;  ///< standard deviation, pixels of the view
  float noise_sigma = 0;  ///< share of full scale

  /// f32[5] as the policy network takes it.
  std::array<float, 5> values() const { return {brightness, contrast, gamma, blur_radius, noise_sigma}; }
  static Action from_values(const std::array<float, 5>& v) { return {v[0], v[1], v[2], v[3], v[4]}; }
  friend bool operator==(const Action&, const Action&) = default;
};

struct ActionSettings {
  double tone_probability = 0.8;  ///< of brightness, contrast and gamma together
  Range brightness{0.6, 1.4};
  Range contrast{0.6, 1.4};
  Range gamma{0.5, 2.0};  ///< uniform in the logarithm
  double blur_probability = 0.2;
  Range blur_radius{0.1, 2.0};
  double noise_probability = 0;
  Range noise_sigma{0, 0.1};
};

/// Throws Failure(kInvalidArgument) naming the setting that cannot be.
void require_possible(const ActionSettings& settings);

Action draw_action(const ActionSettings& settings, RandomSource& random);

/// Brightness, contrast, gamma, blur, noise; `noise` is used only where noise_sigma > 0. Noise differs per
/// colour channel and is brought back to grey by luma.
GrayImage apply_action(const GrayImage& view, const Action& action, RandomSource& noise);

}  // namespace chexworld
