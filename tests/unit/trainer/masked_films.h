// SPDX-License-Identifier: Apache-2.0
//
// Small films with a bright ellipse each, and masks of it.
#pragma once

#include "base/file.h"
#include "image/png.h"
#include "unit/trainer/drawn_films.h"

namespace chexworld::test {

/// Where the ellipse of this film is, u8 0 or 255, inside a margin.
inline GrayImage drawn_mask(std::uint64_t number, int height = 96, int width = 80, int margin = 0) {
  StreamRandom random({9, 0, number, RandomPurpose::kOther});
  const double cy = height * (0.35 + 0.3 * random.uniform()), cx = width * (0.35 + 0.3 * random.uniform());
  const double ry = (height - 2 * margin) * (0.2 + 0.1 * random.uniform()), rx = (width - 2 * margin) * 0.2;
  GrayImage mask{width, height, std::vector<std::uint8_t>(std::size_t(height) * std::size_t(width))};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double dy = (y - cy) / ry, dx = (x - cx) / rx;
      mask.at(y, x) = dy * dy + dx * dx <= 1 ? 255 : 0;
    }
  return mask;
}

/// The film that goes with it: grey, brighter in the ellipse, black in a margin.
inline GrayImage film_with_ellipse(std::uint64_t number, int height = 96, int width = 80, int margin = 0) {
  GrayImage film = drawn_film(number, height, width);
  const GrayImage mask = drawn_mask(number, height, width, margin);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const bool outside = y < margin || x < margin || y >= height - margin || x >= width - margin;
      std::uint8_t& pixel = film.at(y, x);
      pixel = outside ? 0 : mask.at(y, x) > 0 ? std::uint8_t(std::min(255, pixel / 2 + 130)) : std::uint8_t(pixel / 2);
    }
  return film;
}

/// `count` films "films/film-N.png", two to a patient, two folds of whole patients.
class MaskedSource : public FilmSource {
 public:
  explicit MaskedSource(int count, int margin = 0) : margin_(margin) {
    for (int i = 0; i < count; ++i)
      items_.push_back({"films/film-" + std::to_string(i) + ".png",
                        "P" + std::to_string(i / 2),
                        {{"fold", std::to_string(i / 2 % 2)}}});
  }
  const std::vector<SourceItem>& items() const override { return items_; }
  SourceFilm read(const SourceItem& item, const ArchiveSettings&) const override {
    SourceFilm film;
    film.picture = film_with_ellipse(std::stoull(item.place.substr(11)), 96, 80, margin_);
    return film;
  }

 private:
  std::vector<SourceItem> items_;
  int margin_;
};

/// Masks "film-N.png" of `count` films, `scale` times as large as they are.
inline void write_masks(const std::filesystem::path& folder, int count, int scale = 1, int margin = 0) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i)
    write_png(folder / ("film-" + std::to_string(i) + ".png"),
              resize(drawn_mask(std::uint64_t(i), 96, 80, margin), PixelSize{96 * scale, 80 * scale}));
}

}  // namespace chexworld::test
