// SPDX-License-Identifier: Apache-2.0
//
// Masks found for films, cut like them and compared, without networks.
#include "base/failure.h"
#include "image/region_mask.h"
#include "support/failure_message.h"
#include "support/temporary_folder.h"
#include "trainer/archive/film_area.h"
#include "trainer/finetune/film_batches.h"
#include "trainer/segmentation/film_masks.h"
#include "trainer/segmentation/mask_scores.h"
#include "trainer/segmentation/segmentation_config.h"
#include "unit/trainer/masked_films.h"

#include <algorithm>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int kFilms = 8;

class SegmentationData : public testing::Test {
 protected:
  SegmentationData() : archive_(built("archive", 0, {})), table_(archive_) {
    write_masks(folder_ / "masks", kFilms, 2);
  }

  Archive built(const std::string& name, int margin, const TrimOptions& trim) {
    BuildOptions options = small_build();
    options.settings.trim = trim;
    build_archive(MaskedSource(kFilms, margin), folder_ / name, test_key(), options);
    return Archive::open(folder_ / name);
  }
  MaskedFilms by_name(const std::string& film_folder = "films", bool allow_unknown = false) {
    return masks_of_folder(table_, table_.films(), test_key(), folder_ / "masks", film_folder, allow_unknown);
  }

  TemporaryFolder folder_;
  Archive archive_;
  FilmTable table_;
};

TEST_F(SegmentationData, FindsTheMaskOfEveryFilmByItsName) {
  const MaskedFilms films = by_name();
  ASSERT_EQ(films.size(), std::size_t(kFilms));
  require_usable(archive_, films, false);
  for (std::size_t i = 0; i < films.size(); ++i) {
    const std::int64_t film = films.films.films[i];
    const GrayImage mask = film_mask(archive_, film, films.masks[i]);
    const PixelSize size = archive_.film_size(film);
    EXPECT_EQ(mask.height, size.height);
    EXPECT_GT(overlap(mask, mask_from({size.width, size.height,
                                       [&] {
                                         const GrayImage drawn = resize(drawn_mask(i), size);
                                         return std::vector<float>(drawn.pixels.begin(), drawn.pixels.end());
                                       }()},
                                      127.5F))
                  .dice,
              0.97);
  }
}

TEST_F(SegmentationData, FollowsATable) {
  write_file_atomically(folder_ / "masks" / "t.csv",
                        "film,mask\nfilms/film-1.png,film-1.png\nfilms/film-5.png,film-5.png\n");
  const FilmTable table(archive_, {folder_ / "masks" / "t.csv"}, test_key());
  const MaskedFilms films = masks_of_table(table, table.films(), folder_ / "masks");
  EXPECT_THAT(films.films.films, ElementsAre(1, 5));
  EXPECT_EQ(films.masks[1].filename(), "film-5.png");
}

TEST_F(SegmentationData, CountsAndNamesWhatIsWrong) {
  EXPECT_THAT(message_of([&] { by_name(""); }),
              AllOf(HasSubstr("8 of 8 masks belong to no film"), HasSubstr("--film-folder")));
  write_png(folder_ / "masks" / "stranger.png", drawn_mask(0));
  EXPECT_THAT(message_of([&] { by_name(); }),
              HasSubstr("1 of 9 masks belong to no film of the archive (stranger.png)"));
  EXPECT_EQ(by_name("films", true).size(), std::size_t(kFilms));
  EXPECT_THAT(message_of([&] {
                masks_of_folder(table_, table_.films(), PseudonymKey("another key, not that one"), folder_ / "masks",
                                "films", false);
              }),
              HasSubstr("the key is not the one"));
  std::filesystem::remove(folder_ / "masks" / "stranger.png");

  write_png(folder_ / "masks" / "film-2.png", drawn_mask(2, 50, 80));
  write_png(folder_ / "masks" / "film-3.png", GrayImage{80, 96, std::vector<std::uint8_t>(std::size_t(80) * 96)});
  write_file_atomically(folder_ / "masks" / "film-4.png", "no picture");
  const std::string wrong = message_of([&] { require_usable(archive_, by_name(), false); });
  EXPECT_THAT(wrong,
              AllOf(HasSubstr("1 of 8 masks cannot be read as pictures (film-4.png)"),
                    HasSubstr("1 of 8 masks do not have their film's proportions (film-2.png: a mask of 80 x 50"),
                    HasSubstr("1 of 8 masks are empty"), HasSubstr("film-3.png")));
  EXPECT_THAT(message_of([&] { require_usable(archive_, by_name(), true); }), Not(HasSubstr("empty")));

  write_file_atomically(folder_ / "masks" / "t.csv",
                        "film,mask\nfilms/film-0.png,film-0.png\nfilms/film-1.png,\nfilms/film-5.png,gone.png\n");
  const FilmTable table(archive_, {folder_ / "masks" / "t.csv"}, test_key());
  EXPECT_THAT(message_of([&] { masks_of_table(table, table.films(), folder_ / "masks"); }),
              HasSubstr("1 of 3 films have nothing in column 'mask' (t.csv, line 3)"));
  EXPECT_THAT(message_of([&] { masks_of_table(table, {5}, folder_ / "masks"); }), HasSubstr("t.csv, line 4"));
}

/// Archives cut margins off; masks drawn on the whole film follow. Black ones only: the drawn films' gradients are so
/// soft that they pass for a collimator's margins, of which nothing would be left, so the whole film is kept.
TEST_F(SegmentationData, MasksFollowTheTrimming) {
  const Archive trimmed = built("trimmed", 12, {true, false});
  const FilmArea area = film_area(trimmed, 0);
  EXPECT_LT(area.area.height, area.whole.height);
  write_masks(folder_ / "whole", kFilms, 3, 12);
  for (std::int64_t film = 0; film < kFilms; ++film) {
    const GrayImage mask = film_mask(trimmed, film, folder_ / "whole" / ("film-" + std::to_string(film) + ".png"));
    const GrayImage picture = trimmed.film(film);
    GrayImage bright = picture;
    for (std::uint8_t& pixel : bright.pixels) pixel = pixel >= 125 ? 255 : 0;
    EXPECT_GT(overlap(mask, bright).dice, 0.85) << film;
  }
  EXPECT_EQ(area_text({{0, 0, 5, 7}, {5, 7}}), "whole");
  EXPECT_EQ(area_text({{1, 2, 3, 4}, {5, 7}}), "1 2 3 4 of 5 7");
}

/// Crop and mirroring hit film and mask alike; jitter only the film.
TEST_F(SegmentationData, FilmAndMaskAreCutAlike) {
  FilmBatchSettings settings{3, 4, 0, {}};
  settings.views.size = 48;
  settings.views.crop.area_scale = {0.4, 1};
  settings.squared = true;
  const auto bright = [](const GrayImage& film) {
    GrayImage mask = film;
    for (std::uint8_t& pixel : mask.pixels) pixel = pixel >= 125 ? 255 : 0;
    return mask;
  };
  settings.views.jitter.probability = 0;
  settings.companion = [&](std::int64_t film) { return bright(archive_.film(film)); };
  bool flipped = false;
  for (std::int64_t number = 0; number < 4; ++number) {
    const AugmentedBatch batch = FilmBatches(archive_, all_films(archive_), settings).make(number);
    ASSERT_EQ(batch.companions.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
      GrayImage mask = batch.companions[i];
      for (std::uint8_t& pixel : mask.pixels) pixel = pixel >= 128 ? 255 : 0;
      EXPECT_GT(overlap(mask, bright(batch.pictures[i])).dice, 0.9);
      flipped = flipped || batch.plans[i].view.flipped;
    }
  }
  EXPECT_TRUE(flipped);
  settings.views.jitter.probability = 1;
  const AugmentedBatch jittered = FilmBatches(archive_, all_films(archive_), settings).make(0);
  for (const GrayImage& mask : jittered.companions)
    EXPECT_EQ(*std::max_element(mask.pixels.begin(), mask.pixels.end()), 255) << "no jitter of masks";
}

TEST_F(SegmentationData, ScoresAreMeansOverFilmsWithIntervalsOverPatients) {
  const MaskedFilms films = by_name();
  const MaskScores first{"fold-0", "0", 0, 2, 1.5, {0, 1, 4}, {{0.9, 0.8}, {0.7, 0.6}, {0.8, 0.7}}, {{"a.png", "a"}}};
  const MaskScores second{"fold-1", "1", 0, 3, 1, {2, 3}, {{0.6, 0.5}, {1, 1}}, {}};
  const MaskSummary summary = summary_of(films.films, first.rows, first.overlaps, 100, 1);
  EXPECT_EQ(summary.patients, 2u);
  EXPECT_NEAR(summary.dice.value, 0.8, 1e-12);
  EXPECT_LE(summary.dice.low, 0.8);
  const Json results = mask_results(films.films, {first, second}, 100, 1);
  EXPECT_EQ(results["pooled"]["films"], 5);
  EXPECT_NEAR(results["pooled"]["means"]["dice"]["value"].get<double>(), 0.8, 1e-12);
  EXPECT_NEAR(results["over_models"]["iou"]["mean"].get<double>(), 0.725, 1e-12);
  EXPECT_EQ(results["each_film"].size(), 5u);
  EXPECT_THAT(spread_by_dice(first.overlaps, 2), ElementsAre(1, 0));

  write_scores(folder_ / "scores.json", first, "print");
  EXPECT_FALSE(read_mask_scores(folder_ / "scores.json", "other"));
  const std::optional<MaskScores> again = read_mask_scores(folder_ / "scores.json", "print");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->rows, first.rows);
  EXPECT_EQ(again->overlaps[2].iou, 0.7);
  EXPECT_EQ(again->pictures[0].caption, "a");
  std::filesystem::resize_file(folder_ / "scores.json", 40);
  EXPECT_FALSE(read_mask_scores(folder_ / "scores.json", "print")) << "damaged: trained again";
}

TEST(SegmentationSettingsTest, KnowsItsOwnKeysOnly) {
  SegmentationSettings settings;
  apply_settings(settings, {{"decoder", "upernet"}, {"lr", 0.01}}, "test");
  EXPECT_EQ(settings.decoder, "upernet");
  EXPECT_EQ(settings.lr, 0.01);
  EXPECT_THAT(message_of([&] { apply_settings(settings, {{"head", "attn"}}, "test"); }), HasSubstr("'head'"));
  settings.decoder = "pyramid";
  EXPECT_THAT(message_of([&] { check(settings); }), HasSubstr("upernet, not 'pyramid'"));
}

}  // namespace
}  // namespace chexworld::test
