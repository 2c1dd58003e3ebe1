// SPDX-License-Identifier: Apache-2.0
//
// `chexworld finetune`: an encoder and labelled films to a bundle with calibrated findings, or films with masks to one
// that outlines regions.
#include "base/failure.h"
#include "cli/commands.h"
#include "cli/finetune_arguments.h"
#include "trainer/finetune/finetune_run.h"
#ifdef CHEXWORLD_HAVE_DICOM
#include "trainer/segmentation/segmentation_config.h"
#endif

#include <algorithm>
#include <cstdio>
#include <memory>

namespace chexworld::cli {

FinetunePlan plan_of(const FinetuneArguments& arguments, const FitConfig& config, const FilmTable& table,
                     const LabelledFilms& labels) {
  if (arguments.fold_column.empty()) {
    if (!arguments.folds.empty()) fail(ErrorCode::kInvalidArgument, "--folds needs --fold-column");
    if (arguments.split_column.empty()) return {drawn_split(labels, config), {}};
    return {given_split(labels, given_folds(table, labels, arguments.split_column), config), {}};
  }
  const Folds folds = given_folds(table, labels, arguments.fold_column);
  FinetunePlan plan{cross_validation(labels, folds, arguments.folds, config), {}};
  if (config.refit) plan.last = final_model(labels, folds, config);
  return plan;
}

std::string epoch_text(const PlannedModel& planned, const EpochRecord& record, const char* number) {
  char text[160];
  std::snprintf(text, sizeof text, "%s: epoch %lld of %lld, loss %.4f, validation %s %.3f, lr %.1e, %.0f films/s",
                planned.name.c_str(), static_cast<long long>(record.epoch), static_cast<long long>(record.epochs),
                record.loss, number, record.validation.value, record.learning_rate, record.films_per_second);
  return text;
}

void fail_interrupted(const FinetuneArguments& arguments) {
  fail(ErrorCode::kCancelled, "interrupted; the models that are done are kept in " + arguments.output.string() +
                                  ": the same command goes on with the others");
}

namespace {

std::string model_text(const TestedModel& model, bool was_there) {
  const Evaluation& found = model.evaluation;
  std::string text = model.scores.name + ": AUROC " + text_of(estimate_of(found.means, "auroc")) +
                     ", balanced accuracy " +
                     text_of(estimate_of(found.classes.empty() ? found.means : found.classes, "balanced_accuracy"));
  char rest[96];
  std::snprintf(rest, sizeof rest, " on %zu films; epoch %lld, %.1f min%s", model.scores.test.rows.size(),
                static_cast<long long>(model.scores.best_epoch), model.scores.seconds / 60,
                was_there ? " (was there already)" : "");
  return text + rest;
}

FinetuneListener listener_of(FinetuneProgress& progress, bool quiet) {
  return {[&progress](const PlannedModel& planned, const EpochRecord& record) {
            progress.show(record.epoch, epoch_text(planned, record, "AUROC"));
          },
          [&progress, quiet](const TestedModel& model, bool was_there) {
            progress.model_done();
            if (!quiet) std::printf("%s\n", model_text(model, was_there).c_str());
            std::fflush(stdout);
          }};
}

void report(const FinetuneArguments& arguments, const FinetuneRun& run) {
  if (arguments.as_json) {
    Json json = run.results();
    json["bundle"] = run.bundle().string();
    json["model_id"] = run.model_id();
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  const Spread auroc = spread_of(run.models(), "auroc"), accuracy = spread_of(run.models(), "balanced_accuracy");
  const Json& error = run.results().at("calibration_error");
  std::printf("%zu models: AUROC %.3f +- %.3f, balanced accuracy %.3f +- %.3f\n", run.models().size(), auroc.mean,
              auroc.deviation, accuracy.mean, accuracy.deviation);
  std::printf("expected calibration error on held-out films: %.3f before, %.3f after calibration\n",
              error.at("before").get<double>(), error.at("after").get<double>());
  std::printf("%s\nmodel id %s\n", run.bundle().c_str(), run.model_id().c_str());
}

void finetune_findings(const FinetuneArguments& arguments) {
  if (!arguments.masks.empty()) fail(ErrorCode::kInvalidArgument, "--masks goes with --task segmentation");
  const auto config = settings_of<FinetuneConfig>(arguments);
  const Archive archive = Archive::open(arguments.archive);
  const FilmTable table = film_table(archive, arguments.archive, arguments.labels);
  const FinetuneData data{archive, table, labels_of(table, arguments.labels), arguments.subgroups};
  const EncoderStart start =
      read_encoder_start(arguments.model, arguments.from_scratch, config, archive.settings().trim);
  const FinetunePlan plan = plan_of(arguments, config, table, data.labels);
  FinetuneRun run(config, data, start, plan.models, arguments.output);
  catch_interrupts();
  FinetuneProgress progress(plan.count(), config.epochs);
  const auto end = run.run(plan.last ? &*plan.last : nullptr, listener_of(progress, arguments.as_json), interrupted);
  progress.finish();
  if (end == FinetuneRun::End::kStopped) fail_interrupted(arguments);
  report(arguments, run);
}

void finetune(const FinetuneArguments& arguments) {
  if (arguments.task == "findings") return finetune_findings(arguments);
#ifdef CHEXWORLD_HAVE_DICOM
  finetune_segmentation(arguments);
#else
  fail(ErrorCode::kUnsupported, "this program was built without DICOM, and so without picture files: no masks");
#endif
}

/// Of every task, each once.
std::vector<SettingInfo> all_settings() {
  std::vector<SettingInfo> settings = finetune_settings();
#ifdef CHEXWORLD_HAVE_DICOM
  for (const SettingInfo& setting : segmentation_settings())
    if (std::none_of(settings.begin(), settings.end(), [&](const auto& known) { return known.key == setting.key; }))
      settings.push_back(setting);
#endif
  return settings;
}

}  // namespace

void add_finetune(CLI::App& application) {
  CLI::App* command =
      application.add_subcommand("finetune", "Train an encoder with a head on labelled films, or a decoder on masks");
  const auto arguments = std::make_shared<FinetuneArguments>();
  command->add_option("ARCHIVE", arguments->archive, "Made by `chexworld archive build`")->required();
  command->add_option("-m,--model", arguments->model, "Bundle whose encoder is trained")->required();
  command->add_option("--task", arguments->task, "findings (with labels) or segmentation (with --masks)")
      ->capture_default_str()
      ->check(CLI::IsMember({"findings", "segmentation"}));
  command->add_option("--masks", arguments->masks,
                      "Masks of films: a folder of PNGs called like them, or a CSV table with a column 'mask'");
  command->add_option("--film-folder", arguments->film_folder,
                      "Where the films of a folder of masks lie, below the folder that the archive was built from");
  command->add_flag("--from-scratch", arguments->from_scratch, "Take only its architecture, with fresh weights");
  command->add_option("-o,--output", arguments->output, "Folder of the run; the same command goes on there")
      ->required();
  command->add_option("--config", arguments->file, "TOML or JSON file of settings, keys as below");
  add_label_options(*command, arguments->labels);
  auto* folds = command->add_option("--fold-column", arguments->fold_column, "Cross-validation over this column");
  command->add_option("--folds", arguments->folds, "Only these folds are tested on")->delimiter(',');
  command->add_option("--split-column", arguments->split_column, "Column with train, val and test")->excludes(folds);
  command->add_option("--subgroups", arguments->subgroups, "Columns to break results down by, where there are any")
      ->delimiter(',');
  command->add_flag("--json", arguments->as_json, "Print the results for machines");
  arguments->known = all_settings();
  add_setting_flags(*command, arguments->known, arguments->flags);
  command->callback([arguments] { finetune(*arguments); });
}

}  // namespace chexworld::cli
