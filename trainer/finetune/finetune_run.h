// SPDX-License-Identifier: Apache-2.0
//
// A fine-tuning run: models trained one after the other, their films scored, bundles and results written.
//
// The folder: config.json, report.html, results.json, model.safetensors; for every model a folder with metrics.jsonl,
// scores.json and, in cross-validation, a bundle of its own. A model whose scores are there is not trained again, so
// the same command goes on with an interrupted run and ends with the same numbers.
#pragma once

#include "trainer/finetune/encoder_start.h"
#include "trainer/finetune/finetune_plan.h"
#include "trainer/finetune/finetune_results.h"
#include "trainer/finetune/fit.h"

#include <filesystem>
#include <functional>
#include <vector>

namespace chexworld {

/// What is trained on. Archive and table must outlive it.
struct FinetuneData {
  const Archive& archive;
  const FilmTable& table;
  LabelledFilms labels;
  std::vector<std::string> subgroup_columns;
};

/// Told about the run. Functions may be empty.
struct FinetuneListener {
  std::function<void(const PlannedModel&, const EpochRecord&)> epoch;
  std::function<void(const TestedModel&, bool was_there)> model;
};

class Classifier;

class FinetuneRun {
 public:
  enum class End { kDone, kStopped };

  /// `plan`: models that are tested. Throws Failure(kInvalidArgument) where the folder holds a run of other settings.
  FinetuneRun(const FinetuneConfig& config, const FinetuneData& data, const EncoderStart& start,
              std::vector<PlannedModel> plan, std::filesystem::path folder);

  /// Trains what is missing. `last`: one more model at the end, which becomes the run's bundle; without it the first
  /// planned model does. Throws Failure.
  End run(const PlannedModel* last, const FinetuneListener& listener, const std::function<bool()>& stop);

  /// After kDone.
  std::filesystem::path bundle() const { return folder_ / "model.safetensors"; }
  const std::string& model_id() const { return model_id_; }
  const Json& results() const { return results_; }
  const std::vector<TestedModel>& models() const { return models_; }

 private:
  /// Nothing where it was stopped.
  std::optional<FoldScores> train(const PlannedModel& planned, const std::filesystem::path& bundle,
                                  const FinetuneListener& listener, const std::function<bool()>& stop);
  std::string fingerprint_of(const PlannedModel& planned) const;
  BundleDomain domain_of(const RowScores& calibrated_on) const;
  Json evaluation_of(const FoldScores& scores) const;
  Json training_summary(const FoldScores& scores) const;
  void write_bundle(const std::filesystem::path& path, const Classifier& classifier, const FoldScores& scores,
                    const Json& evaluation);
  void write_results();

  const FinetuneConfig config_;
  const FinetuneData& data_;
  const EncoderStart& start_;
  const std::vector<PlannedModel> plan_;
  const std::filesystem::path folder_;
  const FilmColumns columns_;
  std::vector<TestedModel> models_;
  Json results_;
  std::string model_id_;
};

}  // namespace chexworld
