// SPDX-License-Identifier: Apache-2.0
//
// Which part of its picture a film of an archive is, so that what was drawn on the picture (masks, boxes) finds its
// place on the film.
#pragma once

#include "trainer/archive/archive.h"

namespace chexworld {

/// The column that says so, in archives whose films are trimmed.
inline constexpr const char* kAreaColumn = "film_area";

struct FilmArea {
  PixelRect area;   ///< of the whole picture
  PixelSize whole;  ///< as large as it was when its margins were looked for
};

/// "whole", or "TOP LEFT HEIGHT WIDTH of HEIGHT WIDTH".
std::string area_text(const FilmArea& area);

/// Throws Failure(kInvalidArgument) where the archive trims its films and does not say how, as earlier versions did;
/// Failure(kMalformed) for a text that is none.
FilmArea film_area(const Archive& archive, std::int64_t film);

}  // namespace chexworld
