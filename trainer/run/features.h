// SPDX-License-Identifier: Apache-2.0
//
// What a frozen encoder makes of whole films, and whether that has collapsed.
#pragma once

#include "image/prepare.h"
#include "nn/encoder.h"
#include "trainer/archive/archive.h"

namespace chexworld {

/// How a whole film becomes the input of an encoder of this size: the released evaluation, with the archive's trim.
PreparationRecipe evaluation_recipe(std::int64_t image_size, const TrimOptions& trim);

/// f32[n,D]: mean over the patch tokens of each film.
at::Tensor film_features(const VisionTransformer& encoder, const Archive& archive,
                         const std::vector<std::int64_t>& films);

struct FeatureHealth {
  double deviation = 0;       ///< mean over channels of the deviation over films, each feature scaled to norm sqrt(D):
                              ///< 0 where all films look alike, 1 where features point everywhere
  double effective_rank = 0;  ///< exponential of the entropy of the singular values: 1 to D
};

/// Of f32[n,D], n at least 2.
FeatureHealth feature_health(const at::Tensor& features);

/// A sentence where the features have collapsed or are about to; empty where all is well.
std::string collapse_warning(const FeatureHealth& now, const FeatureHealth& first);

}  // namespace chexworld
