// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sandbox/decoder.h"

namespace chexworld {

/// The work itself, in this process. `bytes` as in RadiographSource. Without `pixels`: see fill_pixels(). Throws
/// Failure.
PreparedRadiograph prepare_radiograph(std::span<const std::byte> bytes, const PreparationRecipe& recipe,
                                      const DecoderOptions& options, int film_side = 0);

/// Throws Failure(kInvalidArgument) beyond kLargestFilmSide.
void require_film_side(int film_side);

/// Fills `pixels` from `view`.
void fill_pixels(PreparedRadiograph& radiograph, const Normalization& normalization);

}  // namespace chexworld
