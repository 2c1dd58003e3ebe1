// SPDX-License-Identifier: Apache-2.0
#include "trainer/archive/film_area.h"

#include "base/failure.h"

#include <cstdio>

namespace chexworld {
namespace {

constexpr const char* kWhole = "whole";

bool is_inside(const PixelRect& area, PixelSize whole) {
  return area.top >= 0 && area.left >= 0 && area.height > 0 && area.width > 0 &&
         area.height <= whole.height - area.top && area.width <= whole.width - area.left;
}

}  // namespace

std::string area_text(const FilmArea& film) {
  const PixelRect& area = film.area;
  if (area == PixelRect{0, 0, film.whole.height, film.whole.width}) return kWhole;
  char text[96];
  std::snprintf(text, sizeof text, "%d %d %d %d of %d %d", area.top, area.left, area.height, area.width,
                film.whole.height, film.whole.width);
  return text;
}

FilmArea film_area(const Archive& archive, std::int64_t film) {
  const TrimOptions& trim = archive.settings().trim;
  const PixelSize size = archive.film_size(film);
  const FilmArea whole{{0, 0, size.height, size.width}, size};
  if (!trim.black_border && !trim.collimation) return whole;
  if (!archive.has_column(kAreaColumn) || archive.value(film, kAreaColumn).empty())
    fail(ErrorCode::kInvalidArgument,
         "the archive's films were trimmed by an earlier version, which did not note where: build it again (or with "
         "--keep-borders)");
  const std::string& text = archive.value(film, kAreaColumn);
  if (text == kWhole) return whole;
  FilmArea found;
  const int read = std::sscanf(text.c_str(), "%d %d %d %d of %d %d", &found.area.top, &found.area.left,
                               &found.area.height, &found.area.width, &found.whole.height, &found.whole.width);
  if (read != 6 || !is_inside(found.area, found.whole))
    fail(ErrorCode::kMalformed, "film " + std::to_string(film) + " of the archive says nothing usable about its area");
  return found;
}

}  // namespace chexworld
