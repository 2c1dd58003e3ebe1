// SPDX-License-Identifier: Apache-2.0
//
// `chexworld probe`: what can be read from the frozen features of a model, cross-validated.
#include "base/failure.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "cli/commands.h"
#include "cli/label_options.h"
#include "cli/progress.h"
#include "trainer/evaluation/calibrated_domain.h"
#include "trainer/evaluation/fold_summary.h"
#include "trainer/probe/cross_validation.h"
#include "trainer/probe/encode.h"
#include "trainer/probe/save_head.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct ProbeArguments {
  fs::path archive, model, output, save_head;
  LabelOptions labels;
  std::string fold_column;
  int drawn_folds = 5;
  std::string features = "mean", uncertain = "ignore", calibration = "platt", threshold = "youden";
  std::vector<int> shots;
  int draws = 5;
  std::vector<std::string> strata;
  ProbeOptions probe;
  EncodeOptions encode;
  EvaluationOptions evaluation;
  bool no_cache = false, as_json = false;
};

/// Everything that the probe is about.
struct Task {
  LabelledFilms labels;
  Folds folds;
  FeatureMatrix features;
};

/// One stratum: the films with a value of a column, judged by heads that learnt from all films.
struct Stratum {
  std::string name;
  std::size_t films = 0;
  std::vector<FoldNumber> numbers;
};

struct Findings {
  std::vector<FoldNumber> linear, calibrated, neighbours;
  Evaluation pooled;                   ///< of all films, each by the head that did not see it, calibrated
  Estimate error_before, error_after;  ///< of calibration, over the held-out films of all folds together
  std::vector<CalibratedHead> heads;
  std::map<int, std::vector<double>> few_shot;  ///< AUROC by films per class
  std::vector<Stratum> strata;
};

Folds folds_of(const ProbeArguments& arguments, const FilmTable& table, const LabelledFilms& labels) {
  if (arguments.fold_column.empty()) return draw_folds(labels, arguments.drawn_folds, arguments.probe.seed);
  return given_folds(table, labels, arguments.fold_column);
}

/// Films without a fold would only cost time.
void drop_unused(LabelledFilms& labels, Folds& folds) {
  std::vector<std::size_t> used;
  for (std::size_t row = 0; row < labels.size(); ++row)
    if (folds.of[row] >= 0) used.push_back(row);
  labels = labels.subset(used);
  std::vector<int> of;
  for (const std::size_t row : used) of.push_back(folds.of[row]);
  folds.of = std::move(of);
}

FeatureMatrix features_of(const ProbeArguments& arguments, const Archive& archive, const LabelledFilms& labels) {
  ProgressLine line("films");
  const EncodedFilms films =
      encode_films(arguments.model, archive, labels.films, feature_choice_from(arguments.features), arguments.encode,
                   [&](std::int64_t done, std::int64_t all) { line.show(done, all); });
  line.finish();
  return FeatureMatrix::of(films.values, films.columns);
}

ScoredFilms scored(const Task& task, const std::vector<double>& probabilities) {
  return {task.labels, probabilities, std::vector<double>(task.labels.findings.size(), 0.5), {}};
}

/// Calibrated probabilities, with the mean of the heads' thresholds.
ScoredFilms answered(const Task& task, const CrossValidation& found) {
  ScoredFilms films{task.labels, found.calibrated, std::vector<double>(task.labels.findings.size()), {}};
  for (const CalibratedHead& head : found.heads)
    for (std::size_t k = 0; k < films.thresholds.size(); ++k)
      films.thresholds[k] += head.thresholds[k] / double(found.heads.size());
  return films;
}

std::vector<std::size_t> every_row(const Task& task) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < task.labels.size(); ++row) rows.push_back(row);
  return rows;
}

std::vector<Stratum> strata_of(const ProbeArguments& arguments, const FilmTable& table, const Task& task,
                               const ScoredFilms& films) {
  std::vector<Stratum> strata;
  for (const std::string& column : arguments.strata) {
    std::map<std::string, std::vector<std::size_t>> rows;
    for (std::size_t row = 0; row < task.labels.size(); ++row) {
      const std::string& value = table.value(task.labels.films[row], column);
      rows[column == "age" ? age_band(value) : value].push_back(row);
    }
    for (const auto& [value, members] : rows)
      strata.push_back({column + "=" + (value.empty() ? "(nothing)" : value), members.size(),
                        summarise_folds(films, task.folds, members, arguments.evaluation)});
  }
  return strata;
}

/// Small folds make a calibration error look large, so it is taken of all of them.
Estimate calibration_error_of(const Evaluation& evaluation) {
  return estimate_of(evaluation.classes.empty() ? evaluation.means : evaluation.classes, "calibration_error");
}

Findings find(const ProbeArguments& arguments, const FilmTable& table, const Task& task) {
  ProgressLine line("folds");
  CrossValidation found = cross_validate(task.features, task.labels, task.folds, arguments.probe,
                                         [&](int done, int all) { line.show(done, all); });
  line.finish();
  const std::vector<std::size_t> rows = every_row(task);
  Findings findings;
  findings.linear = summarise_folds(scored(task, found.raw), task.folds, rows, arguments.evaluation);
  findings.calibrated = summarise_folds(scored(task, found.calibrated), task.folds, rows, arguments.evaluation);
  findings.neighbours = summarise_folds(scored(task, found.neighbours), task.folds, rows, arguments.evaluation);
  findings.error_before = calibration_error_of(evaluate(scored(task, found.raw), arguments.evaluation));
  findings.pooled = evaluate(answered(task, found), arguments.evaluation);
  findings.error_after = calibration_error_of(findings.pooled);
  findings.strata = strata_of(arguments, table, task, scored(task, found.raw));
  for (const int shots : arguments.shots)
    findings.few_shot[shots] =
        few_shot_aurocs(task.features, task.labels, task.folds, shots, arguments.draws, arguments.probe);
  findings.heads = std::move(found.heads);
  return findings;
}

// ---- output ----

Json to_json(const std::vector<CalibratedHead>& heads) {
  Json json = Json::array();
  for (const CalibratedHead& head : heads) {
    Json calibrations = Json::array();
    for (std::size_t k = 0; k < head.calibrations.size(); ++k)
      calibrations.push_back({{"slope", head.calibrations[k].slope},
                              {"intercept", head.calibrations[k].intercept},
                              {"threshold", head.thresholds[k]}});
    json.push_back({{"c", head.c}, {"findings", calibrations}});
  }
  return json;
}

std::size_t patients_in(const LabelledFilms& labels) {
  return std::set<std::string>(labels.patients.begin(), labels.patients.end()).size();
}

Json to_json(const ProbeArguments& arguments, const Task& task, const Findings& findings) {
  Json few_shot = Json::object(), strata = Json::array();
  for (const auto& [shots, values] : findings.few_shot)
    few_shot[std::to_string(shots)] = {
        {"mean", mean_of(values)}, {"deviation", deviation_of(values)}, {"auroc", values}};
  for (const Stratum& stratum : findings.strata)
    strata.push_back(
        {{"name", stratum.name}, {"films", stratum.films}, {"linear", chexworld::to_json(stratum.numbers)}});
  return {
      {"model_id", Bundle::open(arguments.model).model_id()},
      {"features", arguments.features},
      {"columns", task.features.columns},
      {"findings", task.labels.findings},
      {"exclusive", task.labels.exclusive},
      {"films", task.labels.size()},
      {"patients", patients_in(task.labels)},
      {"folds", task.folds.names},
      {"neighbours", arguments.probe.neighbours},
      {"calibration", text_of(arguments.probe.calibration)},
      {"threshold_rule", text_of(arguments.probe.threshold)},
      {"linear", chexworld::to_json(findings.linear)},
      {"linear_calibrated", chexworld::to_json(findings.calibrated)},
      {"nearest_neighbours", chexworld::to_json(findings.neighbours)},
      {"pooled_calibration_error",
       {{"before", chexworld::to_json(findings.error_before)}, {"after", chexworld::to_json(findings.error_after)}}},
      {"heads", to_json(findings.heads)},
      {"few_shot", few_shot},
      {"strata", strata}};
}

/// Padded to a width in characters of UTF-8.
std::string padded(std::string text, std::size_t width) {
  const auto follows = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  const auto characters = text.size() - std::size_t(std::count_if(text.begin(), text.end(), follows));
  if (characters < width) text.append(width - characters, ' ');
  return text;
}

void print_row(const std::string& name, const std::vector<std::string>& cells) {
  std::printf("%s", padded(name, 22).c_str());
  for (const std::string& cell : cells) std::printf("  %s", padded(cell, 30).c_str());
  std::printf("\n");
}

void print_method(const std::string& method, const std::vector<FoldNumber>& numbers, const Folds& folds) {
  const std::vector<std::string> shown{"auroc", "balanced_accuracy", "accuracy"};
  for (std::size_t fold = 0; fold < folds.count(); ++fold) {
    std::vector<std::string> cells;
    for (const std::string& name : shown) cells.push_back(text_of(fold_number(numbers, name).folds[fold]));
    print_row(method + ", fold " + folds.names[fold], cells);
  }
  std::vector<std::string> cells;
  for (const std::string& name : shown) cells.push_back(text_of(fold_number(numbers, name)));
  print_row(method + ", mean ± sd", cells);
}

void print(const ProbeArguments& arguments, const Task& task, const Findings& findings) {
  std::printf("%zu films of %zu patients, %zu folds; features %s (%zu numbers); 95 %% intervals over patients\n\n",
              task.labels.size(), patients_in(task.labels), task.folds.count(), arguments.features.c_str(),
              task.features.columns);
  print_row("", {"AUROC", "balanced accuracy", "accuracy"});
  print_method("linear", findings.linear, task.folds);
  print_method("neighbours", findings.neighbours, task.folds);
  std::printf("\ncalibration error (%s) over held-out films: before %s, after %s\n",
              text_of(arguments.probe.calibration).c_str(), text_of(findings.error_before).c_str(),
              text_of(findings.error_after).c_str());
  for (const auto& [shots, values] : findings.few_shot)
    std::printf("%d per class: AUROC %.3f ± %.3f over %zu folds and draws\n", shots, mean_of(values),
                deviation_of(values), values.size());
  for (const Stratum& stratum : findings.strata)
    std::printf("%s (%zu films): AUROC %s\n", stratum.name.c_str(), stratum.films,
                text_of(fold_number(stratum.numbers, "auroc")).c_str());
}

BundleDomain domain_of(const ProbeArguments& arguments, const FilmTable& table, const Task& task) {
  const Json preprocessing = Bundle::open(arguments.model).config().preprocessing;
  return calibrated_domain(table, task.labels.films, recipe_from_json(preprocessing, "preprocessing"));
}

void save_head(const ProbeArguments& arguments, const FilmTable& table, const Task& task, const Findings& findings) {
  const CalibratedHead head = fit_calibrated(task.features, task.labels, task.folds, every_row(task), arguments.probe);
  const Json training{{"by", "probe"},
                      {"films", task.labels.size()},
                      {"patients", patients_in(task.labels)},
                      {"c", head.c},
                      {"calibration", text_of(arguments.probe.calibration)},
                      {"threshold_rule", text_of(arguments.probe.threshold)},
                      {"cross_validated_auroc", text_of(fold_number(findings.linear, "auroc"))}};
  const Json evaluation{
      {"films", "of the folds, each judged by a head that did not see it"},
      {"pooled", chexworld::to_json(findings.pooled)},
      {"calibration_error", {{"before", findings.error_before.value}, {"after", findings.error_after.value}}}};
  const std::string id = save_probe_head(arguments.model, arguments.save_head, task.labels, head, training, evaluation,
                                         domain_of(arguments, table, task));
  std::fprintf(stderr, "%s, model id %s\n", arguments.save_head.c_str(), id.c_str());
}

/// What can be refused is refused before films are encoded.
void check(ProbeArguments& arguments) {
  arguments.probe.uncertain = uncertain_policy_from(arguments.uncertain);
  arguments.probe.calibration = calibration_method_from(arguments.calibration);
  arguments.probe.threshold = threshold_rule_from(arguments.threshold);
  for (const double c : arguments.probe.c)
    if (!(c > 0) || std::isinf(c)) fail(ErrorCode::kInvalidArgument, "--c takes numbers above 0");
  const FeatureChoice choice = feature_choice_from(arguments.features);
  if (!arguments.save_head.empty()) {
    if (choice.kind != FeatureChoice::Kind::kMean)
      fail(ErrorCode::kInvalidArgument, "--save-head needs --features mean: heads of bundles see the mean token");
    require_room_for_head(arguments.model);
  }
  if (arguments.no_cache) {
    arguments.encode.cache.clear();
  } else if (arguments.encode.cache.empty()) {
    arguments.encode.cache = beside(arguments.archive, ".features");
  }
}

void probe(ProbeArguments& arguments) {
  check(arguments);
  const Archive archive = Archive::open(arguments.archive);
  const FilmTable table = film_table(archive, arguments.archive, arguments.labels);
  Task task{labels_of(table, arguments.labels), {}, {}};
  require_both_values(task.labels);
  task.folds = folds_of(arguments, table, task.labels);
  drop_unused(task.labels, task.folds);
  require_usable_folds(task.labels, task.folds);
  task.features = features_of(arguments, archive, task.labels);
  const Findings findings = find(arguments, table, task);
  const std::string json = to_json(arguments, task, findings).dump(2) + "\n";
  if (!arguments.output.empty()) write_file_atomically(arguments.output, json);
  arguments.as_json ? void(std::printf("%s", json.c_str())) : print(arguments, task, findings);
  if (!arguments.save_head.empty()) save_head(arguments, table, task, findings);
}

void add_settings(CLI::App& command, ProbeArguments& arguments) {
  command.add_option("--fold-column", arguments.fold_column, "Cross-validation over this column");
  command.add_option("--draw-folds", arguments.drawn_folds, "Else so many folds, drawn by patients (5)")
      ->check(CLI::Range(2, 100));
  command.add_option("--features", arguments.features, "mean, mean+std, layers or grid:K")->capture_default_str();
  command
      .add_option("--c", arguments.probe.c,
                  "C of the logistic regression; of several, the best over inner folds (0.01)")
      ->delimiter(',');
  command.add_flag("!--unbalanced", arguments.probe.balanced, "Do not let rare classes weigh more");
  command.add_option("--neighbours", arguments.probe.neighbours, "Nearest films that vote (5)")
      ->check(CLI::Range(1, 1000));
  command
      .add_option("--uncertain", arguments.uncertain, "Uncertain labels in training: ignore, zero, one, or a target")
      ->capture_default_str();
  command.add_option("--calibration", arguments.calibration, "none, temperature or platt")->capture_default_str();
  command.add_option("--threshold", arguments.threshold, "youden, f1, sensitivity=S, specificity=S, or a number")
      ->capture_default_str();
  command.add_option("--few-shot", arguments.shots, "Also with so many films per class, comma separated (1,5,10)")
      ->delimiter(',')
      ->check(CLI::Range(1, 100000));
  command.add_option("--draws", arguments.draws, "Draws of few-shot films per fold (5)")->check(CLI::Range(1, 1000));
  command.add_option("--by", arguments.strata, "Columns whose values are also judged alone, comma separated")
      ->delimiter(',');
  command.add_option("--seed", arguments.probe.seed, "Of drawn folds and few-shot films (0)");
  command.add_option("--bootstrap", arguments.evaluation.bootstrap_samples, "Samples behind intervals (500)")
      ->check(CLI::Range(0, 100000));
}

}  // namespace

void add_probe(CLI::App& application) {
  CLI::App* command = application.add_subcommand("probe", "Judge a frozen encoder by labelled films");
  const auto arguments = std::make_shared<ProbeArguments>();
  command->add_option("ARCHIVE", arguments->archive, "Made by `chexworld archive build`")->required();
  command->add_option("-m,--model", arguments->model, "Model bundle")->required()->check(CLI::ExistingFile);
  add_label_options(*command, arguments->labels);
  add_settings(*command, *arguments);
  command->add_option("--device", arguments->encode.device, "cpu, cuda, cuda:1")->capture_default_str();
  command->add_option("--batch", arguments->encode.batch, "Films encoded at once (16)")->check(CLI::Range(1, 4096));
  command->add_option("--cache", arguments->encode.cache, "Folder of features for the next time (ARCHIVE.features)");
  command->add_flag("--no-cache", arguments->no_cache, "Encode anew and keep nothing");
  command->add_option("--save-head", arguments->save_head,
                      "Bundle to write: the model with a head of all folds' films");
  command->add_option("-o,--output", arguments->output, "JSON file with every number, fold by fold");
  command->add_flag("--json", arguments->as_json, "Print that instead of a table");
  command->callback([arguments] { probe(*arguments); });
}

}  // namespace chexworld::cli
