// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/evaluation.h"

#include "base/failure.h"
#include "trainer/evaluation/finding_scores.h"
#include "trainer/evaluation/subgroups.h"

#include <cmath>
#include <optional>

namespace chexworld {
namespace {

void require_fit(const ScoredFilms& films) {
  const std::size_t findings = films.labels.findings.size();
  bool fits = films.labels.size() > 0 && films.probabilities.size() == films.labels.size() * findings &&
              films.thresholds.size() == findings;
  for (const ScoredFilms::Column& column : films.columns) fits = fits && column.values.size() == films.labels.size();
  if (!fits)
    fail(ErrorCode::kInvalidArgument, "evaluation: " + std::to_string(films.probabilities.size()) +
                                          " probabilities and " + std::to_string(films.thresholds.size()) +
                                          " thresholds do not fit " + std::to_string(films.labels.size()) +
                                          " films with " + std::to_string(findings) + " findings");
}

std::vector<NamedEstimate> named(const std::vector<std::string>& names, const std::vector<Estimate>& found,
                                 std::size_t first) {
  std::vector<NamedEstimate> numbers;
  for (std::size_t i = 0; i < names.size(); ++i) numbers.push_back({names[i], found[first + i]});
  return numbers;
}

FindingEvaluation described(const LabelledFilms& labels, std::size_t finding, const FindingScores& scores, int bins) {
  FindingEvaluation evaluation;
  evaluation.name = labels.findings[finding];
  evaluation.counts = count_labels(labels, finding);
  evaluation.threshold = scores.threshold();
  evaluation.points = scores.points();
  evaluation.bins = scores.bins(bins);
  return evaluation;
}

Json optional_number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const std::vector<NamedEstimate>& numbers) {
  Json json = Json::object();
  for (const NamedEstimate& number : numbers) json[number.name] = to_json(number.estimate);
  return json;
}

Json to_json(const FindingEvaluation& finding) {
  Json bins = Json::array();
  for (const ReliabilityBin& bin : finding.bins)
    bins.push_back(
        {{"films", bin.count}, {"mean_probability", bin.mean_probability}, {"positive_share", bin.positive_share}});
  return {{"name", finding.name},
          {"positive", finding.counts.positive},
          {"negative", finding.counts.negative},
          {"uncertain", finding.counts.uncertain},
          {"missing", finding.counts.missing},
          {"threshold", finding.threshold},
          {"numbers", to_json(finding.numbers)},
          {"reliability", bins}};
}

Json to_json(const SubgroupTable& table) {
  Json groups = Json::array();
  for (const Subgroup& group : table.groups)
    groups.push_back({{"value", group.value},
                      {"films", group.films},
                      {"positives", group.positives},
                      {"numbers", to_json(group.numbers)}});
  return {{"column", table.column}, {"groups", groups}, {"gaps", to_json(table.gaps)}};
}

}  // namespace

Evaluation evaluate(const ScoredFilms& films, const EvaluationOptions& options) {
  require_fit(films);
  const Bootstrap bootstrap(films.labels.patients, options.bootstrap_samples, options.seed);
  const std::vector<FindingScores> findings = finding_scores(films);
  std::optional<ClassScores> classes;
  if (films.labels.exclusive) classes.emplace(films, all_rows(films));
  const std::vector<Estimate> found = estimates(bootstrap, [&](Numbers weights) {
    std::vector<double> numbers = measure_findings(findings, options.bins, weights);
    if (classes) append(numbers, classes->measure(options.bins, weights));
    return numbers;
  });

  Evaluation evaluation{.films = films.labels.size(), .patients = bootstrap.patients()};
  const std::vector<std::string> names = FindingScores::names();
  for (std::size_t k = 0; k < findings.size(); ++k) {
    evaluation.findings.push_back(described(films.labels, k, findings[k], options.bins));
    evaluation.findings.back().numbers = named(names, found, k * names.size());
  }
  evaluation.means = named(names, found, findings.size() * names.size());
  if (classes) {
    evaluation.classes = named(ClassScores::names(), found, (findings.size() + 1) * names.size());
    evaluation.confusion = classes->confusion();
  }
  for (const ScoredFilms::Column& column : films.columns)
    evaluation.subgroups.push_back(evaluate_subgroups(films, column, bootstrap, options));
  return evaluation;
}

Json to_json(const Estimate& estimate) {
  return {{"value", optional_number(estimate.value)},
          {"low", optional_number(estimate.low)},
          {"high", optional_number(estimate.high)}};
}

Json to_json(const Evaluation& evaluation) {
  Json json{{"films", evaluation.films}, {"patients", evaluation.patients}, {"means", to_json(evaluation.means)}};
  for (const FindingEvaluation& finding : evaluation.findings) json["findings"].push_back(to_json(finding));
  if (!evaluation.classes.empty()) {
    json["classes"] = to_json(evaluation.classes);
    json["confusion"] = evaluation.confusion;
  }
  json["subgroups"] = Json::array();
  for (const SubgroupTable& table : evaluation.subgroups) json["subgroups"].push_back(to_json(table));
  return json;
}

Estimate estimate_of(const std::vector<NamedEstimate>& numbers, const std::string& name) {
  for (const NamedEstimate& number : numbers)
    if (number.name == name) return number.estimate;
  fail(ErrorCode::kInternal, "evaluation: there is no number '" + name + "'");
}

std::string text_of(const Estimate& estimate) {
  if (!std::isfinite(estimate.value)) return "-";
  char text[80];
  if (std::isfinite(estimate.low))
    std::snprintf(text, sizeof text, "%.3f (%.3f to %.3f)", estimate.value, estimate.low, estimate.high);
  else
    std::snprintf(text, sizeof text, "%.3f", estimate.value);
  return text;
}

}  // namespace chexworld
