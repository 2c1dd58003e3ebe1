// SPDX-License-Identifier: Apache-2.0
//
// Everything that can be chosen about learning regions from masks: what fine-tuning has in common, and the decoder.
#pragma once

#include "trainer/finetune/fit_config.h"

#include <vector>

namespace chexworld {

struct SegmentationSettings : FitConfig {
  std::string decoder = "auto";        ///< unet, unet4, linear, upernet; auto: by the patch size
  std::int64_t decoder_channels = 32;  ///< of its finest maps
  std::string region = "region";       ///< what the masks show
  double dice_weight = 1, bce_weight = 1;
  bool empty_masks = false;  ///< films without the region may be among them
};

std::vector<SettingInfo> segmentation_settings();
/// Takes the keys of `object`; throws Failure(kInvalidArgument) naming what is unknown or impossible.
void apply_settings(SegmentationSettings& settings, const Json& object, const std::string& where);
Json to_json(const SegmentationSettings& settings);

/// Throws Failure(kInvalidArgument) for settings that do not fit together.
void check(const SegmentationSettings& settings);

}  // namespace chexworld
