// SPDX-License-Identifier: Apache-2.0
#include "views/dual_view.h"

#include "base/failure.h"
#include "image/adjust.h"

#include <algorithm>
#include <cmath>

namespace chexworld {

namespace {

constexpr int kCropTries = 10;

int rounded(double value) { return int(std::nearbyint(value)); }

PixelRect middle(PixelSize film, int height, int width) {
  return {rounded((film.height - height) / 2.0), rounded((film.width - width) / 2.0), height, width};
}

// What is left when no try fitted: the film, made narrower or lower until its aspect is allowed.
PixelRect fallback_crop(const Range& aspect, PixelSize film) {
  const double own = double(film.width) / film.height;
  if (own < aspect.least)
    return middle(film, std::clamp(rounded(film.width / aspect.least), 1, film.height), film.width);
  if (own > aspect.most)
    return middle(film, film.height, std::clamp(rounded(film.height * aspect.most), 1, film.width));
  return {0, 0, film.height, film.width};
}

PixelRect placed(int height, int width, PixelSize film, RandomSource& random) {
  PixelRect rect{0, 0, height, width};
  rect.top = int(random.below(film.height - height + 1));
  rect.left = int(random.below(film.width - width + 1));
  return rect;
}

void require_film(PixelSize film) {
  if (film.height > 0 && film.width > 0) return;
  fail(ErrorCode::kInvalidArgument, "views: the film has no pixels");
}

}  // namespace

void require_possible(const DualViewSettings& settings) {
  if (settings.size < 1) fail(ErrorCode::kInvalidArgument, "views: the size must be at least 1 pixel");
  require_range(settings.crop.area_scale, {1e-6, 1}, "the area scale of crops");
  require_range(settings.crop.aspect, {1e-3, 1e3}, "the aspect of crops");
  require_probability(settings.jitter.probability, "the probability of colour jitter");
  require_probability(settings.jitter.brightness, "the brightness jitter");
  require_probability(settings.jitter.contrast, "the contrast jitter");
  require_probability(settings.flip_probability, "the probability of flips");
  require_possible(settings.action);
}

RelativePosition second_seen_from_first(const DualViewPlan& plan) {
  const PixelRect& first = plan.views[0].crop;
  const PixelRect& second = plan.views[1].crop;
  const bool flip = plan.views[0].flipped != plan.views[1].flipped;
  return {float(double(second.top - first.top) / first.height), float(double(second.left - first.left) / first.width),
          float(flip), float(double(plan.film_width - first.left - second.left) / first.width)};
}

RelativePosition first_seen_from_second(const DualViewPlan& plan) {
  RelativePosition position = second_seen_from_first(plan);
  for (std::size_t i = 0; i < 2; ++i) position[i] = 0 - position[i];  // never a negative zero
  return position;
}

Jitter draw_jitter(const JitterSettings& settings, RandomSource& random) {
  Jitter jitter;
  if (!happens(random, settings.probability)) return jitter;
  jitter.brightness = float(uniform_in(random, {1 - settings.brightness, 1 + settings.brightness}));
  jitter.contrast = float(uniform_in(random, {1 - settings.contrast, 1 + settings.contrast}));
  jitter.contrast_first = happens(random, 0.5);
  return jitter;
}

PixelRect draw_crop(const CropSettings& settings, PixelSize film, RandomSource& random) {
  require_film(film);
  const double film_area = double(film.height) * film.width;
  for (int i = 0; i < kCropTries; ++i) {
    const double area = film_area * uniform_in(random, settings.area_scale);
    const double aspect = log_uniform_in(random, settings.aspect);
    const int width = rounded(std::sqrt(area * aspect));
    const int height = rounded(std::sqrt(area / aspect));
    if (width > 0 && height > 0 && width <= film.width && height <= film.height)
      return placed(height, width, film, random);
  }
  return fallback_crop(settings.aspect, film);
}

DualViewPlan draw_dual_view(const DualViewSettings& settings, PixelSize film, RandomSource& random) {
  DualViewPlan plan;
  plan.film_width = film.width;
  plan.jitter = draw_jitter(settings.jitter, random);
  ViewPlan& first = plan.views[0];
  first.flipped = happens(random, settings.flip_probability);
  first.crop = draw_crop(settings.crop, film, random);
  first.action = draw_action(settings.action, random);
  ViewPlan& second = plan.views[1];
  second.crop = placed(first.crop.height, first.crop.width, film, random);
  second.flipped = happens(random, settings.flip_probability);
  second.action = draw_action(settings.action, random);
  return plan;
}

SingleViewPlan draw_single_view(const DualViewSettings& settings, PixelSize film, RandomSource& random) {
  SingleViewPlan plan;
  plan.jitter = draw_jitter(settings.jitter, random);
  plan.view.flipped = happens(random, settings.flip_probability);
  plan.view.crop = draw_crop(settings.crop, film, random);
  return plan;
}

PixelRect unmirrored(const PixelRect& crop, int film_width) {
  PixelRect rect = crop;
  rect.left = film_width - crop.left - crop.width;
  return rect;
}

GrayImage apply_jitter(const GrayImage& film, const Jitter& jitter) {
  ToneChain chain(histogram_of(film));
  if (jitter.contrast_first) chain.contrast(jitter.contrast);
  chain.brightness(jitter.brightness);
  if (!jitter.contrast_first) chain.contrast(jitter.contrast);
  return chain.is_identity() ? film : apply_table(chain.table(), film);
}

GrayImage cut_view(const GrayImage& film, const ViewPlan& plan, int size) {
  const PixelRect rect = plan.flipped ? unmirrored(plan.crop, film.width) : plan.crop;
  return resized_crop(film, rect, {size, size}, plan.flipped);
}

DualView make_dual_view(const GrayImage& film, const DualViewPlan& plan, int size, const RandomStream& stream) {
  constexpr RandomPurpose purposes[] = {RandomPurpose::kNoiseFirst, RandomPurpose::kNoiseSecond};
  const GrayImage jittered = apply_jitter(film, plan.jitter);
  DualView result;
  for (std::size_t i = 0; i < 2; ++i) {
    RandomStream noise_stream = stream;
    noise_stream.purpose = purposes[i];
    StreamRandom noise(noise_stream);
    result.views[i] = cut_view(jittered, plan.views[i], size);
    result.contexts[i] = apply_action(result.views[i], plan.views[i].action, noise);
  }
  return result;
}

}  // namespace chexworld
