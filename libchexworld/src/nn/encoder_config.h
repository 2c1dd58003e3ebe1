// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/encoder_shape.h"

#include <chexworld/model.h>

namespace chexworld {

/// Throws Failure(kInvalidArgument) naming the first size that does not fit.
void check(const EncoderConfig& config);

/// What a bundle announces.
EncoderConfig encoder_config_of(const EncoderShape& shape);
/// What a bundle of such an encoder announces; the reverse of encoder_config_of().
EncoderShape encoder_shape_of(const EncoderConfig& config);

}  // namespace chexworld
