// SPDX-License-Identifier: Apache-2.0
//
// `chexworld finetune --task segmentation`: films with masks to a bundle that outlines what the masks show.
#include "base/failure.h"
#include "cli/finetune_arguments.h"
#include "trainer/evaluation/evaluation.h"
#include "trainer/segmentation/segmentation_run.h"

#include <cstdio>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

/// A table of masks is the table that is joined to the films.
LabelOptions label_options_of(const FinetuneArguments& arguments) {
  LabelOptions options = arguments.labels;
  if (arguments.masks.empty())
    fail(ErrorCode::kInvalidArgument, "--task segmentation needs --masks, a folder of PNGs or a table");
  if (!options.classes.empty() || !options.findings.empty())
    fail(ErrorCode::kInvalidArgument,
         "--classes and --findings do not go with --task segmentation: masks are its labels");
  if (!fs::exists(arguments.masks)) fail(ErrorCode::kNotFound, "there are no masks " + arguments.masks.string());
  if (fs::is_directory(arguments.masks)) return options;
  if (!options.table.empty())
    fail(ErrorCode::kInvalidArgument, "--masks is a table, so --labels cannot name another one");
  options.table = arguments.masks;
  return options;
}

MaskedFilms masks_of(const FinetuneArguments& arguments, const LabelOptions& options, const FilmTable& table) {
  const std::vector<std::int64_t> films = chosen_films(table, options);
  if (fs::is_directory(arguments.masks))
    return masks_of_folder(table, films, archive_key(arguments.archive, options), arguments.masks,
                           arguments.film_folder, options.allow_unknown);
  return masks_of_table(table, films, arguments.masks.parent_path());
}

std::string model_text(const MaskScores& scores, const MaskSummary& summary, bool was_there) {
  char rest[96];
  std::snprintf(rest, sizeof rest, " on %zu films; epoch %lld, %.1f min%s", summary.films,
                static_cast<long long>(scores.best_epoch), scores.seconds / 60,
                was_there ? " (was there already)" : "");
  return scores.name + ": Dice " + text_of(summary.dice) + ", IoU " + text_of(summary.iou) + rest;
}

SegmentationListener listener_of(FinetuneProgress& progress, bool quiet) {
  return {[&progress](const PlannedModel& planned, const EpochRecord& record) {
            progress.show(record.epoch, epoch_text(planned, record, "Dice"));
          },
          [&progress, quiet](const MaskScores& scores, const MaskSummary& summary, bool was_there) {
            progress.model_done();
            if (!quiet) std::printf("%s\n", model_text(scores, summary, was_there).c_str());
            std::fflush(stdout);
          }};
}

void report(const FinetuneArguments& arguments, const SegmentationRun& run) {
  Json json = run.results();
  if (arguments.as_json) {
    json["bundle"] = run.bundle().string();
    json["model_id"] = run.model_id();
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  const Json& dice = json.at("over_models").at("dice");
  std::printf("%zu models: Dice %.3f +- %.3f\n%s\n%s\nmodel id %s\n", json.at("models").size(),
              dice.at("mean").get<double>(), dice.at("deviation").get<double>(),
              (arguments.output / "report.html").c_str(), run.bundle().c_str(), run.model_id().c_str());
}

}  // namespace

void finetune_segmentation(const FinetuneArguments& arguments) {
  const auto settings = settings_of<SegmentationSettings>(arguments);
  const LabelOptions options = label_options_of(arguments);
  const Archive archive = Archive::open(arguments.archive);
  const FilmTable table = film_table(archive, arguments.archive, options);
  const MaskedFilms films = masks_of(arguments, options, table);
  if (!arguments.as_json)
    std::fprintf(stderr, "%zu of %lld films have a mask\n", films.size(), static_cast<long long>(archive.size()));
  const EncoderStart start =
      read_encoder_start(arguments.model, arguments.from_scratch, settings, archive.settings().trim);
  const FinetunePlan plan = plan_of(arguments, settings, table, films.films);
  SegmentationRun run(settings, archive, films, start, plan.models, arguments.output);
  catch_interrupts();
  FinetuneProgress progress(plan.count(), settings.epochs);
  const auto end = run.run(plan.last ? &*plan.last : nullptr, listener_of(progress, arguments.as_json), interrupted);
  progress.finish();
  if (end == SegmentationRun::End::kStopped) fail_interrupted(arguments);
  report(arguments, run);
}

}  // namespace chexworld::cli
