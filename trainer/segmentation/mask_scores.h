// SPDX-License-Identifier: Apache-2.0
//
// How well a trained model outlines regions on films that it was not trained on.
#pragma once

#include "base/config.h"
#include "image/region_mask.h"
#include "trainer/evaluation/bootstrap.h"
#include "trainer/labels/labelled_films.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

/// A picture of a test film for people.
struct ScoredPicture {
  std::string file;  ///< below the model's folder
  std::string caption;
};

/// One model of a cross-validation, or the only one. Plain value.
struct MaskScores {
  std::string name;  ///< "fold-0", "fold-0-seed-1", "split", "final"
  std::string fold;  ///< that it was tested on
  std::uint64_t seed = 0;
  std::int64_t best_epoch = 0;
  double seconds = 0;                   ///< of training
  std::vector<std::size_t> rows;        ///< test films; none for the model on all folds
  std::vector<RegionOverlap> overlaps;  ///< one per row
  std::vector<ScoredPicture> pictures;
};

/// Means over films, with 95 % intervals over patients.
struct MaskSummary {
  std::size_t films = 0, patients = 0;
  Estimate dice, iou;
};
MaskSummary summary_of(const LabelledFilms& films, const std::vector<std::size_t>& rows,
                       const std::vector<RegionOverlap>& overlaps, int samples, std::uint64_t seed);

/// results.json: models, mean and deviation over them, all test films of the first seed pooled, each film.
Json mask_results(const LabelledFilms& films, const std::vector<MaskScores>& models, int samples, std::uint64_t seed);

/// scores.json of one model; reading gives nothing where `fingerprint` is another one or there is no such file.
void write_scores(const std::filesystem::path& path, const MaskScores& scores, const std::string& fingerprint);
std::optional<MaskScores> read_mask_scores(const std::filesystem::path& path, const std::string& fingerprint);

/// Places of at most `count` of them from the lowest Dice to the highest, evenly in between.
std::vector<std::size_t> spread_by_dice(const std::vector<RegionOverlap>& overlaps, std::size_t count);

}  // namespace chexworld
