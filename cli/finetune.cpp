// SPDX-License-Identifier: Apache-2.0
//
// `chexworld finetune`: an encoder and labelled films to a bundle with calibrated findings.
#include "base/failure.h"
#include "cli/commands.h"
#include "cli/label_options.h"
#include "cli/progress.h"
#include "cli/setting_flags.h"
#include "trainer/finetune/finetune_run.h"

#include <cstdio>
#include <memory>
#include <optional>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct FinetuneArguments {
  fs::path archive, model, output, file;
  bool from_scratch = false;
  LabelOptions labels;
  std::string fold_column, split_column;
  std::vector<std::string> folds;
  std::vector<std::string> subgroups{"sex", "age", "view", "device"};
  bool as_json = false;
  SettingWords flags;
};

FinetuneConfig config_of(const FinetuneArguments& arguments) {
  FinetuneConfig config;
  if (!arguments.file.empty()) apply_settings(config, read_config_file(arguments.file), arguments.file.string());
  apply_settings(config, typed_settings(finetune_settings(), arguments.flags), "command line");
  check(config);
  return config;
}

/// What is trained, and the model on all films that comes last.
struct Plan {
  std::vector<PlannedModel> models;
  std::optional<PlannedModel> last;
};

Plan plan_of(const FinetuneArguments& arguments, const FinetuneConfig& config, const FinetuneData& data) {
  if (arguments.fold_column.empty()) {
    if (!arguments.folds.empty()) fail(ErrorCode::kInvalidArgument, "--folds needs --fold-column");
    if (arguments.split_column.empty()) return {drawn_split(data.labels, config), {}};
    return {given_split(data.labels, given_folds(data.table, data.labels, arguments.split_column), config), {}};
  }
  const Folds folds = given_folds(data.table, data.labels, arguments.fold_column);
  Plan plan{cross_validation(data.labels, folds, arguments.folds, config), {}};
  if (config.refit) plan.last = final_model(data.labels, folds, config);
  return plan;
}

std::string epoch_text(const PlannedModel& planned, const EpochRecord& record) {
  char text[160];
  std::snprintf(text, sizeof text, "%s: epoch %lld of %lld, loss %.4f, validation AUROC %.3f, lr %.1e, %.0f films/s",
                planned.name.c_str(), static_cast<long long>(record.epoch), static_cast<long long>(record.epochs),
                record.loss, record.validation.value, record.learning_rate, record.films_per_second);
  return text;
}

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

/// Progress over all epochs of all models.
class Display {
 public:
  Display(std::size_t models, std::int64_t epochs, bool quiet)
      : total_(std::int64_t(models) * epochs), epochs_(epochs), quiet_(quiet) {}

  FinetuneListener listener() {
    return {[this](const PlannedModel& planned, const EpochRecord& record) {
              line_.show(done_ * epochs_ + record.epoch, total_, epoch_text(planned, record));
            },
            [this](const TestedModel& model, bool was_there) {
              ++done_;
              line_.finish();
              if (!quiet_) std::printf("%s\n", model_text(model, was_there).c_str());
              std::fflush(stdout);
            }};
  }
  void finish() { line_.finish(); }

 private:
  ProgressLine line_{"epochs"};
  std::int64_t done_ = 0;
  const std::int64_t total_, epochs_;
  const bool quiet_;
};

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

void finetune(const FinetuneArguments& arguments) {
  const FinetuneConfig config = config_of(arguments);
  const Archive archive = Archive::open(arguments.archive);
  const FilmTable table = film_table(archive, arguments.archive, arguments.labels);
  const FinetuneData data{archive, table, labels_of(table, arguments.labels), arguments.subgroups};
  const EncoderStart start =
      read_encoder_start(arguments.model, arguments.from_scratch, config, archive.settings().trim);
  const Plan plan = plan_of(arguments, config, data);
  FinetuneRun run(config, data, start, plan.models, arguments.output);
  catch_interrupts();
  Display display(plan.models.size() + (plan.last ? 1 : 0), config.epochs, arguments.as_json);
  const auto end = run.run(plan.last ? &*plan.last : nullptr, display.listener(), interrupted);
  display.finish();
  if (end == FinetuneRun::End::kStopped)
    fail(ErrorCode::kCancelled, "interrupted; the models that are done are kept in " + arguments.output.string() +
                                    ": the same command goes on with the others");
  report(arguments, run);
}

}  // namespace

void add_finetune(CLI::App& application) {
  CLI::App* command = application.add_subcommand("finetune", "Train an encoder with a head on labelled films");
  const auto arguments = std::make_shared<FinetuneArguments>();
  command->add_option("ARCHIVE", arguments->archive, "Made by `chexworld archive build`")->required();
  command->add_option("-m,--model", arguments->model, "Bundle whose encoder is trained")->required();
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
  add_setting_flags(*command, finetune_settings(), arguments->flags);
  command->callback([arguments] { finetune(*arguments); });
}

}  // namespace chexworld::cli
