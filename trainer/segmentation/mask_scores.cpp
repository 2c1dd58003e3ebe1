// SPDX-License-Identifier: Apache-2.0
#include "trainer/segmentation/mask_scores.h"

#include "base/file.h"
#include "trainer/evaluation/evaluation.h"
#include "trainer/evaluation/metrics.h"
#include "trainer/finetune/run_claim.h"

#include <algorithm>
#include <numeric>

namespace chexworld {
namespace {

std::vector<double> numbers_of(const std::vector<RegionOverlap>& overlaps, double RegionOverlap::* number) {
  std::vector<double> numbers;
  for (const RegionOverlap& one : overlaps) numbers.push_back(one.*number);
  return numbers;
}

Json spread_json(const std::vector<MaskSummary>& summaries, Estimate MaskSummary::* number) {
  std::vector<double> values;
  for (const MaskSummary& summary : summaries) values.push_back((summary.*number).value);
  return {{"mean", mean_of(values)}, {"deviation", values.size() > 1 ? deviation_of(values) : 0}};
}

Json model_json(const MaskScores& scores, const MaskSummary& summary) {
  return {{"name", scores.name},           {"fold", scores.fold},
          {"seed", scores.seed},           {"best_epoch", scores.best_epoch},
          {"films", summary.films},        {"seconds", scores.seconds},
          {"dice", to_json(summary.dice)}, {"iou", to_json(summary.iou)}};
}

void add_films(Json& list, const LabelledFilms& films, const MaskScores& scores) {
  for (std::size_t i = 0; i < scores.rows.size(); ++i)
    list.push_back({{"film", films.films[scores.rows[i]]},
                    {"fold", scores.fold},
                    {"dice", scores.overlaps[i].dice},
                    {"iou", scores.overlaps[i].iou}});
}

MaskScores scores_from(const Json& json) {
  MaskScores scores;
  scores.name = json.at("name").get<std::string>();
  scores.fold = json.at("fold").get<std::string>();
  scores.seed = json.at("seed").get<std::uint64_t>();
  scores.best_epoch = json.at("best_epoch").get<std::int64_t>();
  scores.seconds = json.at("seconds").get<double>();
  for (const Json& film : json.at("films")) {
    scores.rows.push_back(film.at("row").get<std::size_t>());
    scores.overlaps.push_back({film.at("dice").get<double>(), film.at("iou").get<double>()});
  }
  for (const Json& picture : json.at("pictures"))
    scores.pictures.push_back({picture.at("file").get<std::string>(), picture.at("caption").get<std::string>()});
  return scores;
}

}  // namespace

MaskSummary summary_of(const LabelledFilms& films, const std::vector<std::size_t>& rows,
                       const std::vector<RegionOverlap>& overlaps, int samples, std::uint64_t seed) {
  const Bootstrap bootstrap(films.subset(rows).patients, samples, seed);
  return {rows.size(), bootstrap.patients(), mean_estimate(bootstrap, numbers_of(overlaps, &RegionOverlap::dice)),
          mean_estimate(bootstrap, numbers_of(overlaps, &RegionOverlap::iou))};
}

Json mask_results(const LabelledFilms& films, const std::vector<MaskScores>& models, int samples, std::uint64_t seed) {
  Json each = Json::array(), every_film = Json::array();
  std::vector<MaskSummary> summaries;
  std::vector<std::size_t> rows;
  std::vector<RegionOverlap> overlaps;
  for (const MaskScores& model : models) {
    summaries.push_back(summary_of(films, model.rows, model.overlaps, samples, seed));
    each.push_back(model_json(model, summaries.back()));
    if (model.seed != models.front().seed) continue;
    rows.insert(rows.end(), model.rows.begin(), model.rows.end());
    overlaps.insert(overlaps.end(), model.overlaps.begin(), model.overlaps.end());
    add_films(every_film, films, model);
  }
  const MaskSummary all = summary_of(films, rows, overlaps, samples, seed);
  return {{"models", each},
          {"over_models",
           {{"dice", spread_json(summaries, &MaskSummary::dice)}, {"iou", spread_json(summaries, &MaskSummary::iou)}}},
          {"pooled",
           {{"films", all.films},
            {"patients", all.patients},
            {"means", {{"dice", to_json(all.dice)}, {"iou", to_json(all.iou)}}}}},
          {"each_film", every_film}};
}

void write_scores(const std::filesystem::path& path, const MaskScores& scores, const std::string& fingerprint) {
  Json films = Json::array(), pictures = Json::array();
  for (std::size_t i = 0; i < scores.rows.size(); ++i)
    films.push_back({{"row", scores.rows[i]}, {"dice", scores.overlaps[i].dice}, {"iou", scores.overlaps[i].iou}});
  for (const ScoredPicture& picture : scores.pictures)
    pictures.push_back({{"file", picture.file}, {"caption", picture.caption}});
  const Json json{{"fingerprint", fingerprint},
                  {"name", scores.name},
                  {"fold", scores.fold},
                  {"seed", scores.seed},
                  {"seconds", scores.seconds},
                  {"best_epoch", scores.best_epoch},
                  {"films", films},
                  {"pictures", pictures}};
  write_file_atomically(path, json.dump() + "\n");
}

std::optional<MaskScores> read_mask_scores(const std::filesystem::path& path, const std::string& fingerprint) {
  return finished_model(path, fingerprint, scores_from);
}

std::vector<std::size_t> spread_by_dice(const std::vector<RegionOverlap>& overlaps, std::size_t count) {
  std::vector<std::size_t> order(overlaps.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return overlaps[a].dice < overlaps[b].dice; });
  if (order.size() <= count) return order;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < count; ++i)
    chosen.push_back(order[i * (order.size() - 1) / std::max<std::size_t>(1, count - 1)]);
  return chosen;
}

}  // namespace chexworld
