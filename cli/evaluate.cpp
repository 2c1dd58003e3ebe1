// SPDX-License-Identifier: Apache-2.0
//
// `chexworld evaluate`: how good the findings of a bundle are on labelled films.
#include "base/failure.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "cli/commands.h"
#include "cli/label_options.h"
#include "cli/progress.h"
#include "trainer/evaluation/evaluation_report.h"
#include "trainer/evaluation/head_answers.h"
#include "trainer/probe/encode.h"

#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct EvaluateArguments {
  fs::path archive, model, output;
  LabelOptions labels;
  std::vector<std::string> subgroups{"sex", "age", "view", "device"};
  EncodeOptions encode;
  EvaluationOptions evaluation;
  bool as_json = false;
};

BundleHead head_of(const fs::path& model) {
  const Bundle bundle = Bundle::open(model);
  if (bundle.config().head) return *bundle.config().head;
  fail(ErrorCode::kInvalidArgument,
       model.string() +
           " has no head to evaluate; `chexworld probe` judges an encoder, and makes heads with --save-head");
}

/// Those of the columns that are there.
std::vector<ScoredFilms::Column> columns_of(const FilmTable& table, const LabelledFilms& labels,
                                            const std::vector<std::string>& names) {
  std::vector<ScoredFilms::Column> columns;
  for (const std::string& name : names) {
    if (!table.has(name)) continue;
    columns.push_back({name, {}});
    for (const std::int64_t film : labels.films) columns.back().values.push_back(table.value(film, name));
  }
  return columns;
}

ScoredFilms scored_films(const EvaluateArguments& arguments, const BundleHead& head, const Archive& archive) {
  const FilmTable table = film_table(archive, arguments.archive, arguments.labels);
  const LabelledFilms labels =
      read_labels(table, chosen_films(table, arguments.labels), columns_for(head, label_columns(arguments.labels)));
  require_both_values(labels);
  head_answers(head, std::vector<float>(labels.size() * head.labels.size()),
               labels);  // refuses before films are encoded
  ProgressLine line("films");
  const EncodedFilms answers = score_films(arguments.model, archive, labels.films, arguments.encode,
                                           [&](std::int64_t done, std::int64_t all) { line.show(done, all); });
  line.finish();
  ScoredFilms films = head_answers(head, answers.values, labels);
  films.columns = columns_of(table, labels, arguments.subgroups);
  return films;
}

void print(const Evaluation& evaluation) {
  std::printf("%zu films of %zu patients; 95 %% intervals over patients\n\n", evaluation.films, evaluation.patients);
  std::printf("%-24s %11s  %-23s  %-23s  %-23s  %-23s\n", "", "with/out", "AUROC", "average precision", "sensitivity",
              "specificity");
  for (const FindingEvaluation& one : evaluation.findings) {
    const std::string counts = std::to_string(one.counts.positive) + "/" + std::to_string(one.counts.negative);
    std::printf("%-24s %11s", one.name.c_str(), counts.c_str());
    for (const char* name : {"auroc", "average_precision", "sensitivity", "specificity"})
      std::printf("  %-23s", text_of(estimate_of(one.numbers, name)).c_str());
    std::printf("\n");
  }
  for (const NamedEstimate& number : evaluation.classes)
    std::printf("%-24s %s\n", number.name.c_str(), text_of(number.estimate).c_str());
  for (const char* name : {"auroc", "calibration_error"})
    std::printf("mean %-19s %s\n", name, text_of(estimate_of(evaluation.means, name)).c_str());
  for (const SubgroupTable& table : evaluation.subgroups)
    std::printf("by %-21s gap in AUROC %s\n", table.column.c_str(), text_of(estimate_of(table.gaps, "auroc")).c_str());
}

Json summary_of(const EvaluateArguments& arguments, const std::string& model_id) {
  return {{"model", arguments.model.filename().string()},
          {"model id", model_id},
          {"archive", arguments.archive.filename().string()},
          {"bootstrap samples", arguments.evaluation.bootstrap_samples}};
}

void write_report(const EvaluateArguments& arguments, const std::string& model_id, const Evaluation& evaluation,
                  const Json& json) {
  fs::create_directories(arguments.output);
  write_file_atomically(arguments.output / "evaluation.json", json.dump(2) + "\n");
  write_file_atomically(arguments.output / "report.html",
                        evaluation_report("Evaluation of findings", summary_of(arguments, model_id), evaluation));
  std::fprintf(stderr, "%s\n", (arguments.output / "report.html").c_str());
}

void run_evaluation(const EvaluateArguments& arguments) {
  const BundleHead head = head_of(arguments.model);
  const Archive archive = Archive::open(arguments.archive);
  const Evaluation evaluation = evaluate(scored_films(arguments, head, archive), arguments.evaluation);
  const std::string model_id = Bundle::open(arguments.model).model_id();
  Json json = to_json(evaluation);
  json["model_id"] = model_id;
  if (!arguments.output.empty()) write_report(arguments, model_id, evaluation, json);
  arguments.as_json ? void(std::printf("%s\n", json.dump(2).c_str())) : print(evaluation);
}

}  // namespace

void add_evaluate(CLI::App& application) {
  CLI::App* command =
      application.add_subcommand("evaluate", "Judge a bundle's findings on films it was not trained on");
  const auto arguments = std::make_shared<EvaluateArguments>();
  command->add_option("ARCHIVE", arguments->archive, "Made by `chexworld archive build`")->required();
  command->add_option("-m,--model", arguments->model, "Bundle with a head")->required()->check(CLI::ExistingFile);
  add_label_options(*command, arguments->labels);
  command->add_option("-o,--output", arguments->output, "Folder for report.html and evaluation.json");
  command->add_option("--subgroups", arguments->subgroups, "Columns that are judged by value, where there are any")
      ->delimiter(',');
  command->add_option("--least-films", arguments->evaluation.least_films, "Smaller subgroups are put together (20)");
  command->add_option("--bootstrap", arguments->evaluation.bootstrap_samples, "Samples behind intervals (500)")
      ->check(CLI::Range(0, 100000));
  command->add_option("--seed", arguments->evaluation.seed, "Of these samples (0)");
  command->add_option("--device", arguments->encode.device, "cpu, cuda, cuda:1")->capture_default_str();
  command->add_option("--batch", arguments->encode.batch, "Films computed at once (16)")->check(CLI::Range(1, 4096));
  command->add_flag("--json", arguments->as_json, "Print JSON");
  command->callback([arguments] { run_evaluation(*arguments); });
}

}  // namespace chexworld::cli
