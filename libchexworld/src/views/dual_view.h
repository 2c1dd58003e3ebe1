// SPDX-License-Identifier: Apache-2.0
//
// Two views of one film, their contexts and where they lie to each other (spec section 2, steps 1 to 4).
//
// Drawing and doing are apart: a DualViewPlan holds every choice as plain numbers, so the 8-bit path here
// and the batched tensor path (worldmodel/tensor_augment.h) carry out the same plan.
#pragma once

#include "image/geometry.h"
#include "image/image.h"
#include "image/resample.h"
#include "views/actions.h"

#include <array>

namespace chexworld {

struct CropSettings {
  Range area_scale{0.3, 1.0};          ///< share of the film's area
  Range aspect{3.0 / 4.0, 4.0 / 3.0};  ///< width / height, uniform in the logarithm
};

struct JitterSettings {
  double probability = 0.8;
  double brightness = 0.4;  ///< factor from 1 - this to 1 + this
  double contrast = 0.4;
};

struct DualViewSettings {
  int size = 224;  ///< side of views and contexts, pixels
  CropSettings crop;
  JitterSettings jitter;
  ActionSettings action;
  double flip_probability = 0.5;
};

/// Throws Failure(kInvalidArgument) naming the setting that cannot be.
void require_possible(const DualViewSettings& settings);

/// Brightness and contrast of the whole film before any view is cut.
struct Jitter {
  float brightness = 1;
  float contrast = 1;
  bool contrast_first = false;

  friend bool operator==(const Jitter&, const Jitter&) = default;
};

/// One view: the film mirrored or not, then this part of it, then the action for its context.
struct ViewPlan {
  bool flipped = false;
  PixelRect crop;  ///< in the mirrored-or-not film
  Action action;

  friend bool operator==(const ViewPlan&, const ViewPlan&) = default;
};

struct DualViewPlan {
  int film_width = 0;
  Jitter jitter;
  std::array<ViewPlan, 2> views;  ///< crops of equal size

  friend bool operator==(const DualViewPlan&, const DualViewPlan&) = default;
};

/// (rows, columns, flip, columns if flipped) in units of the crop's height and width: where one view lies in
/// the other's frame. f32[4] as the predictor takes it.
using RelativePosition = std::array<float, 4>;

/// Of view 2 seen from view 1: ((i2-i1)/h, (j2-j1)/w, flip1 xor flip2, (W-j1-j2)/w).
RelativePosition second_seen_from_first(const DualViewPlan& plan);
/// Of view 1 seen from view 2: the first two negated.
RelativePosition first_seen_from_second(const DualViewPlan& plan);

Jitter draw_jitter(const JitterSettings& settings, RandomSource& random);

/// Random resized crop: ten tries at area and aspect, then the largest middle part of an allowed aspect.
PixelRect draw_crop(const CropSettings& settings, PixelSize film, RandomSource& random);

DualViewPlan draw_dual_view(const DualViewSettings& settings, PixelSize film, RandomSource& random);

/// One view without an action, for the I-JEPA objective and for fine-tuning: cut_view(apply_jitter(film, plan.jitter),
/// plan.view, size). The action settings are not used.
struct SingleViewPlan {
  Jitter jitter;
  ViewPlan view;

  friend bool operator==(const SingleViewPlan&, const SingleViewPlan&) = default;
};

SingleViewPlan draw_single_view(const DualViewSettings& settings, PixelSize film, RandomSource& random);

/// `crop` of a mirrored film, in the coordinates of the film itself.
PixelRect unmirrored(const PixelRect& crop, int film_width);

GrayImage apply_jitter(const GrayImage& film, const Jitter& jitter);

/// The part of `film` that the plan names, mirrored if it says so, u8[size, size].
GrayImage cut_view(const GrayImage& film, const ViewPlan& plan, int size);

struct DualView {
  std::array<GrayImage, 2> views;     ///< what the target encoder sees, u8[size, size]
  std::array<GrayImage, 2> contexts;  ///< the same under the action: what the context encoder sees
};

/// Carries out the plan. Noise, where an action has any, is drawn from the film's own streams: `stream` names seed,
/// pass and sample.
DualView make_dual_view(const GrayImage& film, const DualViewPlan& plan, int size, const RandomStream& stream);

}  // namespace chexworld
