// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/finetune_run.h"

#include "base/failure.h"
#include "base/file.h"
#include "base/sha256.h"
#include "trainer/evaluation/calibrated_domain.h"
#include "trainer/finetune/classifier_task.h"
#include "trainer/finetune/finetune_bundle.h"
#include "trainer/finetune/finetune_report.h"
#include "trainer/finetune/run_claim.h"
#include "trainer/finetune/run_parts.h"
#include "trainer/report/metrics_file.h"

#include <algorithm>

namespace chexworld {
namespace {

namespace fs = std::filesystem;

const FinetuneConfig& prepared(const FinetuneConfig& config) {
  check(config);
  use_threads(config);
  return config;
}

}  // namespace

FinetuneRun::FinetuneRun(const FinetuneConfig& config, const FinetuneData& data, const EncoderStart& start,
                         std::vector<PlannedModel> plan, fs::path folder)
    : config_(prepared(config)),
      data_(data),
      start_(start),
      plan_(std::move(plan)),
      folder_(std::move(folder)),
      columns_(film_columns(data.table, data.labels, data.subgroup_columns)) {
  claim_run_folder(folder_, {{"settings", to_json(config_)},
                             {"encoder", start.model_id},
                             {"from_scratch", start.from_scratch()},
                             {"findings", data.labels.findings}});
}

std::string FinetuneRun::fingerprint_of(const PlannedModel& planned) const {
  Sha256 hash;
  const LabelledFilms& labels = data_.labels;
  for (const std::int64_t film : labels.films) hash.update(data_.archive.content(film));
  hash.update(std::as_bytes(std::span(labels.values)));
  const std::string text = identity_of(planned, start_, to_json(config_)).dump();
  hash.update(std::as_bytes(std::span(text)));
  return to_hex(hash.finish()).substr(0, 32);
}

std::optional<FoldScores> FinetuneRun::train(const PlannedModel& planned, const fs::path& bundle,
                                             const FinetuneListener& listener, const std::function<bool()>& stop) {
  const fs::path folder = folder_ / planned.name, file = folder / "scores.json";
  const std::string fingerprint = fingerprint_of(planned);
  if (fs::exists(bundle))
    if (auto there = read_scores(file, fingerprint)) return there;
  fs::create_directories(folder);
  ClassifierTask task(config_, start_, data_.archive, data_.labels, planned.split, planned.seed);
  const FitOutcome outcome = fit_and_record(task, config_, planned, folder, listener.epoch, stop);
  if (outcome.stopped) return std::nullopt;
  FoldScores scores{planned.name,
                    planned.fold,
                    planned.seed,
                    outcome.best_epoch,
                    outcome.seconds,
                    {planned.split.validation, task.logits(planned.split.validation)},
                    {planned.split.test, task.logits(planned.split.test)}};
  write_bundle(bundle, task.model(), scores, evaluation_of(scores));
  write_scores(file, scores, fingerprint);
  return scores;
}

/// What a bundle says of its quality: on its own test films, else what cross-validation found.
Json FinetuneRun::evaluation_of(const FoldScores& scores) const {
  if (!scores.test.rows.empty())
    return {{"films", "held out from training, early stop and calibration"},
            {"pooled", to_json(tested_model(data_.labels, columns_, scores, config_).evaluation)}};
  Json evaluation = results_;
  evaluation["films"] = "cross-validation of the same recipe; this model itself was trained on them";
  return evaluation;
}

FinetuneRun::End FinetuneRun::run(const PlannedModel* last, const FinetuneListener& listener,
                                  const std::function<bool()>& stop) {
  for (const PlannedModel& planned : plan_) {
    const bool is_bundle = last == nullptr && &planned == &plan_.front();
    const fs::path path = is_bundle ? bundle() : folder_ / planned.name / "model.safetensors";
    const bool was_there = fs::exists(folder_ / planned.name / "scores.json");
    const std::optional<FoldScores> scores = train(planned, path, listener, stop);
    if (!scores) return End::kStopped;
    models_.push_back(tested_model(data_.labels, columns_, *scores, config_));
    if (listener.model) listener.model(models_.back(), was_there);
  }
  write_results();
  if (last != nullptr && !train(*last, bundle(), listener, stop)) return End::kStopped;
  model_id_ = inspect_bundle(bundle()).value().model_id;
  return End::kDone;
}

BundleDomain FinetuneRun::domain_of(const RowScores& calibrated_on) const {
  std::vector<std::int64_t> films;
  for (const std::size_t row : calibrated_on.rows) films.push_back(data_.labels.films[row]);
  return calibrated_domain(data_.table, films, start_.recipe);
}

Json FinetuneRun::training_summary(const FoldScores& scores) const {
  Json facts = training_facts("fine-tuned", start_, to_json(config_), scores.best_epoch, scores.seconds);
  facts["labelled_films"] = data_.labels.size();
  return facts;
}

void FinetuneRun::write_bundle(const fs::path& path, const Classifier& classifier, const FoldScores& scores,
                               const Json& evaluation) {
  ClassifierCard card;
  card.head.exclusive = data_.labels.exclusive;
  card.head.labels = calibrated_labels(data_.labels, scores.validation, calibration_method_from(config_.calibration),
                                       threshold_rule_from(config_.threshold));
  card.domain = domain_of(scores.validation);
  card.evaluation = evaluation;
  card.training = training_summary(scores);
  card.licence = start_.licence;
  const HeadConfig head = head_config(config_, start_.encoder, std::int64_t(data_.labels.findings.size()));
  write_classifier_bundle(path, classifier, head, start_, std::move(card));
}

void FinetuneRun::write_results() {
  const Evaluation pooled = pooled_evaluation(data_.labels, columns_, models_, config_);
  results_ = results_json(data_.labels, models_, pooled);
  write_file_atomically(folder_ / "results.json", results_.dump(2) + "\n");
  std::vector<TrainingCurve> curves;
  for (const TestedModel& model : models_)
    curves.push_back({model.scores.name, read_metrics(folder_ / model.scores.name / "metrics.jsonl")});
  const Json summary{{"encoder", start_.model_id},
                     {"start", start_.from_scratch() ? "fresh weights" : "pre-trained weights"},
                     {"head", config_.head},
                     {"epochs", config_.epochs},
                     {"models", models_.size()}};
  write_file_atomically(folder_ / "report.html", finetune_report(summary, results_, pooled, curves));
}

}  // namespace chexworld
