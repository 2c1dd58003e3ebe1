// SPDX-License-Identifier: Apache-2.0
//
// Where fine-tuning starts from.
#pragma once

#include "image/prepare.h"
#include "nn/encoder.h"
#include "nn/state.h"
#include "trainer/finetune/fit_config.h"

#include <filesystem>
#include <string>

namespace chexworld {

struct EncoderStart {
  EncoderConfig encoder;     ///< at the size that is trained
  State weights;             ///< names as in VisionTransformer; empty: fresh weights are drawn
  PreparationRecipe recipe;  ///< from a whole film to the input, for inference
  std::string model_id;      ///< of the bundle
  std::string licence;       ///< of its weights; empty from scratch

  bool from_scratch() const { return weights.empty(); }
  /// What validation films go through: the archive has trimmed them already.
  PreparationRecipe recipe_for_archive() const;
};

/// The encoder of a bundle, its position table resized where the configuration asks for another size; with
/// `from_scratch` only its architecture. `trim`: the archive's. Throws Failure.
EncoderStart read_encoder_start(const std::filesystem::path& bundle, bool from_scratch, const FitConfig& config,
                                const TrimOptions& trim);

/// Copies the weights, if there are any. A final norm that the bundle lacks stays as it is.
void load_start(const EncoderStart& start, VisionTransformer& encoder);

}  // namespace chexworld
