// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/fold_scores.h"

#include "base/config.h"
#include "base/failure.h"
#include "base/file.h"
#include "trainer/finetune/run_claim.h"

#include <algorithm>

namespace chexworld {
namespace {

bool has_both(const std::vector<int>& labels) {
  return std::count(labels.begin(), labels.end(), 1) > 0 && std::count(labels.begin(), labels.end(), 0) > 0;
}

std::vector<Calibration> calibrations_of(const LabelledFilms& labels, const RowScores& validation,
                                         CalibrationMethod method) {
  const std::size_t findings = labels.findings.size();
  if (labels.exclusive) {
    std::vector<int> truth;
    for (const std::size_t row : validation.rows) truth.push_back(int(labels.class_of(row)));
    return fit_class_calibration(method, validation.logits, truth, findings);
  }
  std::vector<Calibration> calibrations(findings);
  for (std::size_t k = 0; k < findings; ++k) {
    const KnownScores known = known_scores(labels, validation, k);
    if (has_both(known.labels)) calibrations[k] = fit_calibration(method, known.logits, known.labels);
  }
  return calibrations;
}

Json to_json(const RowScores& scores) { return {{"rows", scores.rows}, {"logits", scores.logits}}; }

RowScores row_scores_from(const Json& json) {
  return {json.at("rows").get<std::vector<std::size_t>>(), json.at("logits").get<std::vector<double>>()};
}

FoldScores fold_scores_from(const Json& json) {
  FoldScores scores;
  scores.name = json.at("name").get<std::string>();
  scores.fold = json.at("fold").get<std::string>();
  scores.seed = json.at("seed").get<std::uint64_t>();
  scores.best_epoch = json.at("best_epoch").get<std::int64_t>();
  scores.seconds = json.at("seconds").get<double>();
  scores.validation = row_scores_from(json.at("validation"));
  scores.test = row_scores_from(json.at("test"));
  return scores;
}

}  // namespace

KnownScores known_scores(const LabelledFilms& labels, const RowScores& scores, std::size_t finding) {
  KnownScores known;
  for (std::size_t i = 0; i < scores.rows.size(); ++i) {
    const LabelValue value = labels.at(scores.rows[i], finding);
    if (value != LabelValue::kPositive && value != LabelValue::kNegative) continue;
    known.logits.push_back(scores.logits[i * labels.findings.size() + finding]);
    known.labels.push_back(value == LabelValue::kPositive);
  }
  return known;
}

std::vector<BundleLabel> calibrated_labels(const LabelledFilms& labels, const RowScores& validation,
                                           CalibrationMethod method, const ThresholdRule& rule) {
  const std::vector<Calibration> calibrations = calibrations_of(labels, validation, method);
  const std::size_t findings = labels.findings.size();
  const std::vector<double> probabilities = probabilities_of(validation.logits, calibrations, labels.exclusive);
  std::vector<BundleLabel> calibrated;
  for (std::size_t k = 0; k < findings; ++k) {
    KnownScores known = known_scores(labels, {validation.rows, probabilities}, k);
    const double threshold = has_both(known.labels) ? choose_threshold(known.logits, known.labels, rule) : 0.5;
    calibrated.push_back(bundle_label(labels.findings[k], calibrations[k], threshold));
  }
  return calibrated;
}

std::vector<double> probabilities_of(const RowScores& scores, const std::vector<BundleLabel>& labels, bool exclusive) {
  std::vector<Calibration> calibrations;
  for (const BundleLabel& label : labels) calibrations.push_back({label.slope, label.intercept});
  return probabilities_of(scores.logits, calibrations, exclusive);
}

void write_scores(const std::filesystem::path& path, const FoldScores& scores, const std::string& fingerprint) {
  const Json json{{"fingerprint", fingerprint},
                  {"name", scores.name},
                  {"fold", scores.fold},
                  {"seed", scores.seed},
                  {"best_epoch", scores.best_epoch},
                  {"seconds", scores.seconds},
                  {"validation", to_json(scores.validation)},
                  {"test", to_json(scores.test)}};
  write_file_atomically(path, json.dump() + "\n");
}

std::optional<FoldScores> read_scores(const std::filesystem::path& path, const std::string& fingerprint) {
  return finished_model(path, fingerprint, fold_scores_from);
}

}  // namespace chexworld
