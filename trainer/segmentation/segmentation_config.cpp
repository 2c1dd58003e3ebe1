// SPDX-License-Identifier: Apache-2.0
#include "trainer/segmentation/segmentation_config.h"

#include "base/failure.h"

namespace chexworld {
namespace {

constexpr auto kEachSetting = [](auto& c, auto&& visit) {
  constexpr WholeSetting text{0, 0};
  constexpr RealSetting weight{0, 1000};
  each_fit_setting(c, visit);
  visit("decoder", c.decoder, text, "unet, unet4, linear, upernet; auto: by the patch size");
  visit("decoder_channels", c.decoder_channels, WholeSetting{1, 4096}, "of its finest maps");
  visit("region", c.region, text, "name of what the masks show");
  visit("dice_weight", c.dice_weight, weight, "of the Dice loss");
  visit("bce_weight", c.bce_weight, weight, "of the cross-entropy over pixels");
  visit("empty_masks", c.empty_masks, text, "films whose mask is empty do not have the region");
};

}  // namespace

std::vector<SettingInfo> segmentation_settings() { return list_settings(SegmentationSettings(), kEachSetting); }

void apply_settings(SegmentationSettings& settings, const Json& object, const std::string& where) {
  read_settings(settings, object, where, kEachSetting);
}

Json to_json(const SegmentationSettings& settings) { return settings_json(settings, kEachSetting); }

void check(const SegmentationSettings& settings) {
  check_fit(settings);
  const std::string& decoder = settings.decoder;
  if (decoder != "auto" && decoder != "unet" && decoder != "unet4" && decoder != "linear" && decoder != "upernet")
    fail(ErrorCode::kInvalidArgument, "decoder must be auto, unet, unet4, linear or upernet, not '" + decoder + "'");
  if (settings.dice_weight + settings.bce_weight <= 0)
    fail(ErrorCode::kInvalidArgument, "dice_weight and bce_weight are both 0: nothing would be learnt");
  if (settings.region.empty()) fail(ErrorCode::kInvalidArgument, "region needs a name");
}

}  // namespace chexworld
