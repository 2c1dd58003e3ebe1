// SPDX-License-Identifier: Apache-2.0
//
// From a rendered film to what the network sees: one recipe for training and inference, stored in the bundle and
// recorded with every result.
//
// Pure functions: safe from any thread. Failure(kInvalidArgument) for what cannot be.
#pragma once

#include "base/config.h"
#include "image/adjust.h"
#include "image/content_area.h"
#include "image/grayscale_pipeline.h"
#include "image/resample.h"

#include <string>
#include <vector>

namespace chexworld {

/// Everything that decides the network's input. Steps in this order: contrast (while rendering), trim, resize and
/// fit, normalise.
struct PreparationRecipe {
  static constexpr int kVersion = 1;  ///< raised whenever the same recipe would give other numbers

  enum class Fit {
    kCenterCrop,  ///< short side to `size.resize`, then the middle `size.crop` square (the released evaluation)
    kLetterbox,   ///< long side to `size.crop`, black beside it
  };

  ContrastPolicy contrast;
  TrimOptions trim;
  Fit fit = Fit::kCenterCrop;
  EvaluationSize size;
  Normalization normalization;

  /// Side of the result, pixels.
  int side() const { return size.crop; }

  friend bool operator==(const PreparationRecipe&, const PreparationRecipe&) = default;
};

/// As stored in bundles and with results; docs/imaging.md lists the keys.
Json to_json(const PreparationRecipe& recipe);
/// The reverse. Missing keys keep their defaults; an unknown key, an impossible value or a version newer than ours is
/// a Failure(kInvalidArgument) that names it. `where` stands in messages.
PreparationRecipe recipe_from_json(const Json& json, const std::string& where);

/// Throws Failure(kInvalidArgument) for a recipe that cannot be followed.
void require_possible(const PreparationRecipe& recipe);

/// The 8-bit part: u8[S,S], S = recipe.side().
GrayImage fitted_view(const GrayImage& film, const PreparationRecipe& recipe);

/// f32[3,S,S], normalised.
std::vector<float> prepare(const GrayImage& film, const PreparationRecipe& recipe);

}  // namespace chexworld
