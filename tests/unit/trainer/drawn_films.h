// SPDX-License-Identifier: Apache-2.0
//
// Small films made on the fly, and archives of them.
#pragma once

#include "trainer/archive/build.h"
#include "views/random.h"

namespace chexworld::test {

/// Soft blobs on a gradient, different for every number.
inline GrayImage drawn_film(std::uint64_t number, int height = 96, int width = 80) {
  StreamRandom random({7, 0, number, RandomPurpose::kOther});
  GrayImage film{width, height, std::vector<std::uint8_t>(std::size_t(height) * std::size_t(width))};
  const double cx = random.uniform() * width, cy = random.uniform() * height, slope = random.uniform();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double near = 40.0 / (1 + 0.02 * ((x - cx) * (x - cx) + (y - cy) * (y - cy)));
      film.at(y, x) = std::uint8_t(60 + 80 * slope * y / height + 60 * double(x) / width + near + 8 * random.uniform());
    }
  return film;
}

/// `count` films with numbers from 0; every third carries the label "b", the rest "a"; two films to a patient,
/// two folds of whole patients.
inline std::vector<SourceItem> labelled_items(int count) {
  std::vector<SourceItem> items;
  for (int i = 0; i < count; ++i)
    items.push_back({"film-" + std::to_string(i),
                     "P" + std::to_string(i / 2),
                     {{"label", i % 3 == 0 ? "b" : "a"}, {"fold", std::to_string(i / 2 % 2)}}});
  return items;
}

/// Drawn films. Places of items end in the numbers that they are drawn from: "film-0", "film-1", ...
class DrawnSource : public FilmSource {
 public:
  explicit DrawnSource(std::vector<SourceItem> items) : items_(std::move(items)) {}
  explicit DrawnSource(int count) : DrawnSource(labelled_items(count)) {}
  const std::vector<SourceItem>& items() const override { return items_; }
  SourceFilm read(const SourceItem& item, const ArchiveSettings&) const override {
    SourceFilm film;
    film.picture = drawn_film(std::stoull(item.place.substr(5)));
    return film;
  }

 private:
  std::vector<SourceItem> items_;
};

inline PseudonymKey test_key() { return PseudonymKey("a key for tests only"); }

inline BuildOptions small_build() {
  BuildOptions options;
  options.settings.short_side = 48;
  options.settings.trim = {};
  options.least_side = 16;
  options.shard_bytes = 8'000;
  return options;
}

inline Archive drawn_archive(const std::filesystem::path& folder, int count) {
  build_archive(DrawnSource(count), folder, test_key(), small_build());
  return Archive::open(folder);
}

inline std::vector<std::int64_t> all_films(const Archive& archive) {
  std::vector<std::int64_t> films(std::size_t(archive.size()));
  for (std::size_t i = 0; i < films.size(); ++i) films[i] = std::int64_t(i);
  return films;
}

}  // namespace chexworld::test
