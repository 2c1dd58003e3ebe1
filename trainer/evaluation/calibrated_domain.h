// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/prepare.h"
#include "trainer/labels/film_table.h"

#include <chexworld/bundle.h>

#include <cstdint>
#include <vector>

namespace chexworld {

/// What a head that was calibrated on these films may be asked about, as its bundle keeps it (docs/findings.md).
///
/// Views: those of the column "view" with at least 10 films; films whose view is not known count as the view "unknown".
/// Without such a column, and where no known view has 10 films, any view: nothing has been told apart.
/// Quality notes that no film of an archive carries, or none should: fixed.
/// Brightness and contrast of the prepared films: from the 0.5 % to the 99.5 % quantile, widened on both sides by a
/// quarter of that distance; with fewer than 20 films none.
BundleDomain calibrated_domain(const FilmTable& table, const std::vector<std::int64_t>& films,
                               PreparationRecipe recipe);

}  // namespace chexworld
