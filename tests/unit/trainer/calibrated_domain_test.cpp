// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/calibrated_domain.h"

#include "drawn_films.h"
#include "image/picture_tone.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Drawn films with these views, so many of each.
DrawnSource view_source(const std::vector<std::pair<std::string, int>>& views) {
  std::vector<SourceItem> items;
  for (const auto& [view, count] : views)
    for (int i = 0; i < count; ++i) {
      const std::string name = std::to_string(items.size());
      items.push_back({"film-" + name, "P" + name, {{"view", view}}});
    }
  return DrawnSource(std::move(items));
}

PreparationRecipe small_recipe() {
  PreparationRecipe recipe;
  recipe.size = {32, 32};
  return recipe;
}

BundleDomain domain_of(const FilmSource& source) {
  const TemporaryFolder folder;
  build_archive(source, folder / "archive", test_key(), small_build());
  const Archive archive = Archive::open(folder / "archive");
  return calibrated_domain(FilmTable(archive), all_films(archive), small_recipe());
}

TEST(CalibratedDomain, NamesViewsWithEnoughFilms) {
  EXPECT_THAT(domain_of(view_source({{"PA", 30}, {"AP", 10}, {"LL", 12}, {"frontal", 9}})).views,
              ElementsAre("AP", "PA", "lateral"));
  EXPECT_THAT(domain_of(view_source({{"PA", 20}, {"", 10}})).views, ElementsAre("PA", "unknown"));
}

TEST(CalibratedDomain, TellsNoViewsApartWhereNoneIsKnown) {
  EXPECT_THAT(domain_of(view_source({{"", 30}, {"PA", 3}})).views, IsEmpty());
  EXPECT_THAT(domain_of(DrawnSource(30)).views, IsEmpty()) << "without such a column";
}

TEST(CalibratedDomain, RangesCoverTheFilmsThatTheyAreFrom) {
  const TemporaryFolder folder;
  const Archive archive = drawn_archive(folder / "archive", 40);
  const BundleDomain domain = calibrated_domain(FilmTable(archive), all_films(archive), small_recipe());
  ASSERT_TRUE(domain.brightness && domain.contrast);
  for (const std::int64_t film : all_films(archive)) {
    const PictureTone tone = tone_of(prepare(archive.film(film), small_recipe()), {});
    EXPECT_GT(tone.brightness, domain.brightness->least);
    EXPECT_LT(tone.brightness, domain.brightness->most);
    EXPECT_GT(tone.contrast, domain.contrast->least);
    EXPECT_LT(tone.contrast, domain.contrast->most);
  }
  EXPECT_GT(domain.brightness->least, 0.05) << "a black picture is outside";
  EXPECT_LT(domain.brightness->most, 0.95) << "a white one too";
}

TEST(CalibratedDomain, FewFilmsBoundNothing) { EXPECT_FALSE(domain_of(DrawnSource(19)).brightness); }

}  // namespace
}  // namespace chexworld::test
