// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/fit_config.h"

#include "base/failure.h"

namespace chexworld {

DualViewSettings FitConfig::views(std::int64_t side) const {
  DualViewSettings views;
  views.size = int(side);
  views.crop = {crop_scale, crop_aspect};
  views.jitter = {jitter_prob, jitter_brightness, jitter_contrast};
  views.flip_probability = hflip;
  return views;
}

EpochSchedule FitConfig::schedule() const { return {lr, min_lr, double(warmup_epochs), double(epochs)}; }

void check_fit(const FitConfig& config) {
  if (config.warmup_epochs >= config.epochs)
    fail(ErrorCode::kInvalidArgument, "warmup_epochs (" + std::to_string(config.warmup_epochs) +
                                          ") must be fewer than epochs (" + std::to_string(config.epochs) + ")");
  if (config.device != "cpu" && !config.device.starts_with("cuda"))
    fail(ErrorCode::kInvalidArgument, "device must be cpu, cuda or cuda:N, not '" + config.device + "'");
  require_possible(config.views(config.image_size > 0 ? config.image_size : 224));
}

EncoderConfig resized(EncoderConfig encoder, const FitConfig& config) {
  if (config.image_size > 0) encoder.image_size = config.image_size;
  if (encoder.image_size % encoder.patch_size != 0)
    fail(ErrorCode::kInvalidArgument, "image_size " + std::to_string(encoder.image_size) +
                                          " is no multiple of the encoder's patch size " +
                                          std::to_string(encoder.patch_size));
  return encoder;
}

}  // namespace chexworld
