// SPDX-License-Identifier: Apache-2.0
#include "trainer/segmentation/segmentation_run.h"

#include "base/file.h"
#include "base/sha256.h"
#include "trainer/evaluation/evaluation.h"
#include "trainer/finetune/run_claim.h"
#include "trainer/finetune/run_parts.h"
#include "trainer/report/metrics_file.h"
#include "trainer/segmentation/segmentation_bundle.h"
#include "trainer/segmentation/segmentation_report.h"
#include "trainer/segmentation/segmentation_task.h"

#include <cstdio>

namespace chexworld {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPicturesPerModel = 4;
constexpr std::uint64_t kLargestMaskBytes = 1 << 28;

const SegmentationSettings& prepared(const SegmentationSettings& settings) {
  check(settings);
  use_threads(settings);
  return settings;
}

/// Of films and masks.
std::string digest_of(const Archive& archive, const MaskedFilms& films) {
  Sha256 hash;
  for (std::size_t row = 0; row < films.size(); ++row) {
    hash.update(archive.content(films.films.films[row]));
    hash.update(read_file(films.masks[row], kLargestMaskBytes));
  }
  return to_hex(hash.finish());
}

std::string caption_of(const MaskedFilms& films, std::size_t row, const std::string& model, double dice) {
  char text[160];
  std::snprintf(text, sizeof text, "%s, film %lld of the archive: Dice %.3f", model.c_str(),
                static_cast<long long>(films.films.films[row]), dice);
  return text;
}

}  // namespace

SegmentationRun::SegmentationRun(const SegmentationSettings& settings, const Archive& archive, const MaskedFilms& films,
                                 const EncoderStart& start, std::vector<PlannedModel> plan, fs::path folder)
    : settings_(prepared(settings)),
      archive_(archive),
      films_(films),
      start_(letterboxed(start)),
      plan_(std::move(plan)),
      folder_(std::move(folder)) {
  make_segmenter(start_.encoder, decoder_config(settings_, start_.encoder));  // refuses before anything takes long
  require_usable(archive, films, settings_.empty_masks);
  films_digest_ = digest_of(archive, films);
  claim_run_folder(folder_, {{"task", "segmentation"},
                             {"settings", to_json(settings_)},
                             {"encoder", start.model_id},
                             {"from_scratch", start.from_scratch()}});
}

std::string SegmentationRun::fingerprint_of(const PlannedModel& planned) const {
  Json json = identity_of(planned, start_, to_json(settings_));
  json["films"] = films_digest_;
  const std::string text = json.dump();
  return to_hex(sha256(std::as_bytes(std::span(text)))).substr(0, 32);
}

std::optional<MaskScores> SegmentationRun::train(const PlannedModel& planned, const fs::path& bundle,
                                                 const SegmentationListener& listener,
                                                 const std::function<bool()>& stop) {
  const fs::path folder = folder_ / planned.name, file = folder / "scores.json";
  const std::string fingerprint = fingerprint_of(planned);
  if (fs::exists(bundle))
    if (auto there = read_mask_scores(file, fingerprint)) return there;
  fs::create_directories(folder);
  SegmentationTask task(settings_, start_, archive_, films_, planned.split, planned.seed);
  const FitOutcome outcome = fit_and_record(task, settings_, planned, folder, listener.epoch, stop);
  if (outcome.stopped) return std::nullopt;
  MaskScores scores = scored(task, planned, outcome);
  write_bundle(bundle, task, scores);
  write_scores(file, scores, fingerprint);
  return scores;
}

/// Outlines the test films and keeps pictures of some.
MaskScores SegmentationRun::scored(const SegmentationTask& task, const PlannedModel& planned,
                                   const FitOutcome& outcome) const {
  MaskScores scores{planned.name,    planned.fold,       planned.seed, outcome.best_epoch,
                    outcome.seconds, planned.split.test, {},           {}};
  const std::vector<GrayImage> regions = task.regions(scores.rows);
  const auto truth = [&](std::size_t row) { return film_mask(archive_, films_.films.films[row], films_.masks[row]); };
  for (std::size_t i = 0; i < regions.size(); ++i)
    scores.overlaps.push_back(overlap(regions[i], truth(scores.rows[i])));
  for (const std::size_t i : spread_by_dice(scores.overlaps, kPicturesPerModel)) {
    const std::size_t row = scores.rows[i];
    const GrayImage mask = truth(row);
    const std::vector<std::byte> png =
        encode_png(region_overlay(archive_.film(films_.films.films[row]), regions[i], &mask));
    scores.pictures.push_back({"film-" + std::to_string(films_.films.films[row]) + ".png",
                               caption_of(films_, row, planned.name, scores.overlaps[i].dice)});
    write_file_atomically(folder_ / planned.name / scores.pictures.back().file,
                          [&](FileWriter& writer) { writer.write(png); });
  }
  return scores;
}

MaskSummary SegmentationRun::summary(const MaskScores& scores) const {
  return summary_of(films_.films, scores.rows, scores.overlaps, int(settings_.bootstrap_samples),
                    std::uint64_t(settings_.seed));
}

SegmentationRun::End SegmentationRun::run(const PlannedModel* last, const SegmentationListener& listener,
                                          const std::function<bool()>& stop) {
  for (const PlannedModel& planned : plan_) {
    const bool is_bundle = last == nullptr && &planned == &plan_.front();
    const fs::path path = is_bundle ? bundle() : folder_ / planned.name / "model.safetensors";
    const bool was_there = fs::exists(folder_ / planned.name / "scores.json");
    std::optional<MaskScores> scores = train(planned, path, listener, stop);
    if (!scores) return End::kStopped;
    models_.push_back(std::move(*scores));
    if (listener.model) listener.model(models_.back(), summary(models_.back()), was_there);
  }
  write_results();
  if (last != nullptr && !train(*last, bundle(), listener, stop)) return End::kStopped;
  model_id_ = inspect_bundle(bundle()).value().model_id;
  return End::kDone;
}

/// A model on all folds has no test films of its own and carries what cross-validation found.
void SegmentationRun::write_bundle(const fs::path& path, const SegmentationTask& task, const MaskScores& scores) const {
  SegmenterCard card;
  const DecoderConfig decoder = decoder_config(settings_, start_.encoder);
  card.decoder = {std::string(name_of(decoder.kind)), decoder.channels, {settings_.region}};
  const MaskSummary own = scores.rows.empty() ? MaskSummary() : summary(scores);
  card.evaluation = scores.rows.empty()
                        ? Json{{"films", "cross-validation of the same recipe; this model itself was trained on them"},
                               {"pooled", results_.at("pooled")}}
                        : Json{{"films", "held out from training and early stop"},
                               {"pooled",
                                {{"films", own.films},
                                 {"patients", own.patients},
                                 {"means", {{"dice", to_json(own.dice)}, {"iou", to_json(own.iou)}}}}}};
  card.training =
      training_facts("fine-tuned for segmentation", start_, to_json(settings_), scores.best_epoch, scores.seconds);
  card.training["films_with_masks"] = films_.size();
  write_segmenter_bundle(path, task.model(), start_, std::move(card));
}

void SegmentationRun::write_results() {
  results_ = mask_results(films_.films, models_, int(settings_.bootstrap_samples), std::uint64_t(settings_.seed));
  write_file_atomically(folder_ / "results.json", results_.dump(2) + "\n");
  std::vector<TrainingCurve> curves;
  for (const MaskScores& model : models_)
    curves.push_back({model.name, read_metrics(folder_ / model.name / "metrics.jsonl")});
  const Json summary{{"region", settings_.region},
                     {"films with masks", films_.size()},
                     {"encoder", start_.model_id},
                     {"start", start_.from_scratch() ? "fresh weights" : "pre-trained weights"},
                     {"encoder trained", !settings_.freeze_encoder},
                     {"decoder", name_of(decoder_config(settings_, start_.encoder).kind)},
                     {"epochs", settings_.epochs}};
  write_file_atomically(folder_ / "report.html", segmentation_report(summary, results_, models_, curves, folder_));
}

}  // namespace chexworld
