// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/fold_summary.h"

#include "base/failure.h"
#include "trainer/evaluation/finding_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace chexworld {
namespace {

const std::vector<std::string>& shown_names() {
  static const std::vector<std::string> kNames{"auroc", "average_precision", "balanced_accuracy", "accuracy",
                                               "brier", "calibration_error"};
  return kNames;
}

/// The films of one fold.
class FoldMeasures {
 public:
  FoldMeasures(const ScoredFilms& films, const std::vector<std::size_t>& rows)
      : findings_(finding_scores(films, rows)) {
    if (films.labels.exclusive && !rows.empty()) classes_.emplace(films, rows);
  }

  std::vector<double> measure(int bins, Numbers weights) const {
    const std::vector<std::string> names = FindingScores::names(), class_names = ClassScores::names();
    const std::vector<double> all = measure_findings(findings_, bins, weights);
    const std::vector<double> of_classes = classes_ ? classes_->measure(bins, weights) : std::vector<double>();
    std::vector<double> shown;
    for (const std::string& name : shown_names()) {
      const auto own = std::find(class_names.begin(), class_names.end(), name);
      if (classes_ && own != class_names.end()) {
        shown.push_back(of_classes[std::size_t(own - class_names.begin())]);
      } else {
        const auto place = std::size_t(std::find(names.begin(), names.end(), name) - names.begin());
        shown.push_back(all[all.size() - names.size() + place]);
      }
    }
    return shown;
  }

 private:
  std::vector<FindingScores> findings_;
  std::optional<ClassScores> classes_;
};

std::vector<FoldMeasures> scores_by_fold(const ScoredFilms& films, const Folds& folds,
                                         const std::vector<std::size_t>& rows) {
  std::vector<FoldMeasures> scores;
  for (int fold = 0; fold < int(folds.count()); ++fold) {
    std::vector<std::size_t> inside;
    for (const std::size_t row : rows)
      if (folds.of[row] == fold) inside.push_back(row);
    scores.emplace_back(films, inside);
  }
  return scores;
}

/// Mean over the folds that have the number.
double mean_of_known(const std::vector<double>& numbers, std::size_t first, std::size_t step) {
  std::vector<double> known;
  for (std::size_t i = first; i < numbers.size(); i += step)
    if (!std::isnan(numbers[i])) known.push_back(numbers[i]);
  return known.empty() ? std::numeric_limits<double>::quiet_NaN() : mean_of(known);
}

double deviation_of_known(const std::vector<Estimate>& folds) {
  std::vector<double> known;
  for (const Estimate& fold : folds)
    if (!std::isnan(fold.value)) known.push_back(fold.value);
  return known.empty() ? std::numeric_limits<double>::quiet_NaN() : deviation_of(known);
}

}  // namespace

std::vector<FoldNumber> summarise_folds(const ScoredFilms& films, const Folds& folds,
                                        const std::vector<std::size_t>& rows, const EvaluationOptions& options) {
  const Bootstrap bootstrap(films.labels.patients, options.bootstrap_samples, options.seed);
  const std::vector<FoldMeasures> scores = scores_by_fold(films, folds, rows);
  const std::size_t count = shown_names().size();
  const std::vector<Estimate> found = estimates(bootstrap, [&](Numbers weights) {
    std::vector<double> numbers;
    for (const FoldMeasures& fold : scores) append(numbers, fold.measure(options.bins, weights));
    const std::vector<double> folds_only = numbers;
    for (std::size_t i = 0; i < count; ++i) numbers.push_back(mean_of_known(folds_only, i, count));
    return numbers;
  });
  std::vector<FoldNumber> summary;
  for (std::size_t i = 0; i < count; ++i) {
    FoldNumber number{shown_names()[i], {}, found[scores.size() * count + i], 0};
    for (std::size_t fold = 0; fold < scores.size(); ++fold) number.folds.push_back(found[fold * count + i]);
    number.deviation = deviation_of_known(number.folds);
    summary.push_back(std::move(number));
  }
  return summary;
}

Json to_json(const std::vector<FoldNumber>& numbers) {
  Json json = Json::object();
  for (const FoldNumber& number : numbers) {
    Json folds = Json::array();
    for (const Estimate& fold : number.folds) folds.push_back(to_json(fold));
    json[number.name] = {{"mean", to_json(number.mean)},
                         {"deviation", std::isnan(number.deviation) ? Json() : Json(number.deviation)},
                         {"folds", folds}};
  }
  return json;
}

FoldNumber fold_number(const std::vector<FoldNumber>& numbers, const std::string& name) {
  for (const FoldNumber& number : numbers)
    if (number.name == name) return number;
  fail(ErrorCode::kInternal, "fold summary: there is no number '" + name + "'");
}

std::string text_of(const FoldNumber& number) {
  if (std::isnan(number.mean.value)) return "-";
  char text[96];
  std::snprintf(text, sizeof text, "%.3f ± %.3f (%.3f to %.3f)", number.mean.value, number.deviation, number.mean.low,
                number.mean.high);
  return text;
}

}  // namespace chexworld
