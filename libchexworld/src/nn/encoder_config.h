// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"

#include <chexworld/model.h>

namespace chexworld {

/// Throws Failure(kInvalidArgument) naming the first size that does not fit.
void check(const EncoderConfig& config);

/// As in "chexworld.config": {"image_size", "patch_size", "channels", "width", "depth", "heads", "mlp_ratio",
/// "qkv_bias", "norm_eps"}, or {"arch": "vit_base", "image_size", "patch_size"}. Throws Failure naming `where` and
/// the key.
EncoderConfig encoder_config_from(const Json& json, const std::string& where);
Json to_json(const EncoderConfig& config);

}  // namespace chexworld
