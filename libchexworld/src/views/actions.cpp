// SPDX-License-Identifier: Apache-2.0
#include "views/actions.h"

#include "image/adjust.h"
#include "image/blur.h"

namespace chexworld {

namespace {

GrayImage with_tones(const GrayImage& view, const Action& action) {
  const ToneChain chain =
      ToneChain(histogram_of(view)).brightness(action.brightness).contrast(action.contrast).gamma(action.gamma);
  return chain.is_identity() ? view : apply_table(chain.table(), view);
}

GrayImage with_noise(const GrayImage& view, double sigma, RandomSource& noise) {
  std::vector<float> field(view.pixels.size() * 3);
  fill_normal(noise, field);
  return luma_of(add_noise(view, field, sigma), view.height, view.width);
}

}  // namespace

void require_possible(const ActionSettings& settings) {
  require_probability(settings.tone_probability, "the probability of brightness, contrast and gamma");
  require_probability(settings.blur_probability, "the probability of blur");
  require_probability(settings.noise_probability, "the probability of noise");
  require_range(settings.brightness, {0, 100}, "brightness");
  require_range(settings.contrast, {0, 100}, "contrast");
  require_range(settings.gamma, {0.01, 100}, "gamma");
  require_range(settings.blur_radius, {0, 1000}, "the blur radius");
  require_range(settings.noise_sigma, {0, 1}, "the noise sigma");
}

Action draw_action(const ActionSettings& settings, RandomSource& random) {
  Action action;
  if (happens(random, settings.tone_probability)) {
    action.brightness = float(uniform_in(random, settings.brightness));
    action.contrast = float(uniform_in(random, settings.contrast));
    action.gamma = float(log_uniform_in(random, settings.gamma));
  }
  if (happens(random, settings.blur_probability)) action.blur_radius = float(uniform_in(random, settings.blur_radius));
  if (happens(random, settings.noise_probability)) action.noise_sigma = float(uniform_in(random, settings.noise_sigma));
  return action;
}

GrayImage apply_action(const GrayImage& view, const Action& action, RandomSource& noise) {
  GrayImage context = with_tones(view, action);
  if (action.blur_radius > 0) context = gaussian_blur(context, action.blur_radius);
  if (action.noise_sigma > 0) context = with_noise(context, action.noise_sigma, noise);
  return context;
}

}  // namespace chexworld
