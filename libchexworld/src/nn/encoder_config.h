// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/encoder_shape.h"

#include <chexworld/model.h>

namespace chexworld {

/// Throws Failure(kInvalidArgument) naming the first size that does not fit.
void check(const EncoderConfig& config);

/// What a bundle announces.
EncoderConfig encoder_config_of(const EncoderShape& shape);

}  // namespace chexworld
