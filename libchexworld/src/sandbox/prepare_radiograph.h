// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sandbox/decoder.h"

namespace chexworld {

/// The work itself, in this process. `bytes` as in RadiographSource. Without `pixels`: see fill_pixels(). Throws
/// Failure.
PreparedRadiograph prepare_radiograph(std::span<const std::byte> bytes, const PreparationRecipe& recipe,
                                      const DecoderOptions& options);

/// Fills `pixels` from `view`.
void fill_pixels(PreparedRadiograph& radiograph, const Normalization& normalization);

}  // namespace chexworld
