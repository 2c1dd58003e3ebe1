// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/finetune_results.h"

#include "base/failure.h"
#include "trainer/evaluation/metrics.h"

#include <cmath>

namespace chexworld {
namespace {

ScoredFilms scored(const LabelledFilms& labels, const FilmColumns& columns, const std::vector<std::size_t>& rows) {
  ScoredFilms films;
  films.labels = labels.subset(rows);
  for (const ScoredFilms::Column& column : columns) {
    films.columns.push_back({column.name, {}});
    for (const std::size_t row : rows) films.columns.back().values.push_back(column.values[row]);
  }
  return films;
}

EvaluationOptions options_of(const FinetuneConfig& config) {
  EvaluationOptions options;
  options.bootstrap_samples = int(config.bootstrap_samples);
  options.seed = std::uint64_t(config.seed);
  return options;
}

bool is_first_seed(const TestedModel& model, const std::vector<TestedModel>& models) {
  return model.scores.seed == models.front().scores.seed;
}

double number_of(const Evaluation& evaluation, const std::string& name) {
  for (const auto* numbers : {&evaluation.classes, &evaluation.means})
    for (const NamedEstimate& number : *numbers)
      if (number.name == name) return number.estimate.value;
  return std::nan("");
}

/// Of one finding over all models of the first seed, calibrated or not.
double finding_error(const LabelledFilms& labels, const std::vector<TestedModel>& models, std::size_t finding,
                     bool calibrated) {
  std::vector<double> probabilities;
  std::vector<int> truth;
  for (const TestedModel& model : models) {
    if (!is_first_seed(model, models)) continue;
    const std::vector<BundleLabel> plain(labels.findings.size());
    const RowScores& test = model.scores.test;
    const RowScores found{test.rows, probabilities_of(test, calibrated ? model.labels : plain, labels.exclusive)};
    const KnownScores known = known_scores(labels, found, finding);
    probabilities.insert(probabilities.end(), known.logits.begin(), known.logits.end());
    truth.insert(truth.end(), known.labels.begin(), known.labels.end());
  }
  return expected_calibration_error(reliability(probabilities, truth, 10));
}

Json json_of(const Spread& spread) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  return {{"mean", number(spread.mean)}, {"deviation", number(spread.deviation)}};
}

std::vector<std::string> headline_numbers(const LabelledFilms& labels) {
  if (labels.exclusive) return {"auroc", "average_precision", "accuracy", "balanced_accuracy", "calibration_error"};
  return {"auroc",    "average_precision", "sensitivity", "specificity",
          "accuracy", "balanced_accuracy", "brier",       "calibration_error"};
}

}  // namespace

FilmColumns film_columns(const FilmTable& table, const LabelledFilms& labels, const std::vector<std::string>& names) {
  FilmColumns columns;
  for (const std::string& name : names) {
    if (!table.has(name)) continue;
    columns.push_back({name, {}});
    for (const std::int64_t film : labels.films) columns.back().values.push_back(table.value(film, name));
  }
  return columns;
}

TestedModel tested_model(const LabelledFilms& labels, const FilmColumns& columns, const FoldScores& scores,
                         const FinetuneConfig& config) {
  TestedModel model{scores,
                    calibrated_labels(labels, scores.validation, calibration_method_from(config.calibration),
                                      threshold_rule_from(config.threshold)),
                    {}};
  if (scores.test.rows.empty()) return model;
  ScoredFilms films = scored(labels, columns, scores.test.rows);
  films.probabilities = probabilities_of(scores.test, model.labels, labels.exclusive);
  for (const BundleLabel& label : model.labels) films.thresholds.push_back(label.threshold);
  model.evaluation = evaluate(films, options_of(config));
  return model;
}

Evaluation pooled_evaluation(const LabelledFilms& labels, const FilmColumns& columns,
                             const std::vector<TestedModel>& models, const FinetuneConfig& config) {
  std::vector<std::size_t> rows;
  std::vector<double> probabilities, thresholds(labels.findings.size(), 0);
  double counted = 0;
  for (const TestedModel& model : models) {
    if (!is_first_seed(model, models)) continue;
    const std::vector<double> found = probabilities_of(model.scores.test, model.labels, labels.exclusive);
    rows.insert(rows.end(), model.scores.test.rows.begin(), model.scores.test.rows.end());
    probabilities.insert(probabilities.end(), found.begin(), found.end());
    for (std::size_t k = 0; k < thresholds.size(); ++k) thresholds[k] += model.labels[k].threshold;
    ++counted;
  }
  ScoredFilms films = scored(labels, columns, rows);
  films.probabilities = std::move(probabilities);
  for (const double sum : thresholds) films.thresholds.push_back(sum / counted);
  return evaluate(films, options_of(config));
}

CalibrationError calibration_error(const LabelledFilms& labels, const std::vector<TestedModel>& models) {
  CalibrationError error;
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    error.before += finding_error(labels, models, k, false);
    error.after += finding_error(labels, models, k, true);
  }
  error.before /= double(labels.findings.size());
  error.after /= double(labels.findings.size());
  return error;
}

Spread spread_of(const std::vector<TestedModel>& models, const std::string& number) {
  std::vector<double> values;
  for (const TestedModel& model : models) {
    const double value = number_of(model.evaluation, number);
    if (std::isfinite(value)) values.push_back(value);
  }
  if (values.empty()) return {std::nan(""), std::nan("")};
  return {mean_of(values), values.size() > 1 ? deviation_of(values) : 0};
}

Json results_json(const LabelledFilms& labels, const std::vector<TestedModel>& models, const Evaluation& pooled) {
  const std::vector<std::string> numbers = headline_numbers(labels);
  Json each = Json::array(), spreads = Json::object();
  for (const TestedModel& model : models) {
    Json json{{"name", model.scores.name},
              {"fold", model.scores.fold},
              {"seed", model.scores.seed},
              {"best_epoch", model.scores.best_epoch},
              {"films", model.scores.test.rows.size()},
              {"seconds", model.scores.seconds}};
    for (const std::string& name : numbers) {
      const double value = number_of(model.evaluation, name);
      json[name] = std::isfinite(value) ? Json(value) : Json();
    }
    each.push_back(std::move(json));
  }
  for (const std::string& name : numbers) spreads[name] = json_of(spread_of(models, name));
  const CalibrationError error = calibration_error(labels, models);
  return {{"models", each},
          {"over_models", spreads},
          {"pooled", to_json(pooled)},
          {"calibration_error", {{"before", error.before}, {"after", error.after}}}};
}

}  // namespace chexworld
