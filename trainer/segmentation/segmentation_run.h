// SPDX-License-Identifier: Apache-2.0
//
// A segmentation run: models trained one after the other, their test films outlined and compared with the masks.
//
// The folder: config.json, report.html, results.json, model.safetensors; for every model a folder with metrics.jsonl,
// scores.json, pictures and, in cross-validation, a bundle of its own. A model whose scores are there is not trained
// again, so the same command goes on with an interrupted run and ends with the same numbers.
#pragma once

#include "trainer/finetune/encoder_start.h"
#include "trainer/finetune/finetune_plan.h"
#include "trainer/finetune/fit.h"
#include "trainer/segmentation/film_masks.h"
#include "trainer/segmentation/mask_scores.h"
#include "trainer/segmentation/segmentation_config.h"

#include <functional>

namespace chexworld {

class SegmentationTask;

/// Told about the run. Functions may be empty.
struct SegmentationListener {
  std::function<void(const PlannedModel&, const EpochRecord&)> epoch;
  std::function<void(const MaskScores&, const MaskSummary&, bool was_there)> model;
};

class SegmentationRun {
 public:
  enum class End { kDone, kStopped };

  /// `plan`: models that are tested. Archive, films and start must outlive it. Throws Failure(kInvalidArgument): the
  /// folder holds a run of other settings; masks that cannot be used (trainer/segmentation/film_masks.h).
  SegmentationRun(const SegmentationSettings& settings, const Archive& archive, const MaskedFilms& films,
                  const EncoderStart& start, std::vector<PlannedModel> plan, std::filesystem::path folder);

  /// Trains what is missing. `last`: one more model at the end, which becomes the run's bundle; without it the first
  /// planned model does. Throws Failure.
  End run(const PlannedModel* last, const SegmentationListener& listener, const std::function<bool()>& stop);

  /// After kDone.
  std::filesystem::path bundle() const { return folder_ / "model.safetensors"; }
  const std::string& model_id() const { return model_id_; }
  const Json& results() const { return results_; }

 private:
  /// Nothing where it was stopped.
  std::optional<MaskScores> train(const PlannedModel& planned, const std::filesystem::path& bundle,
                                  const SegmentationListener& listener, const std::function<bool()>& stop);
  MaskScores scored(const SegmentationTask& task, const PlannedModel& planned, const FitOutcome& outcome) const;
  MaskSummary summary(const MaskScores& scores) const;
  std::string fingerprint_of(const PlannedModel& planned) const;
  void write_bundle(const std::filesystem::path& path, const SegmentationTask& task, const MaskScores& scores) const;
  void write_results();

  const SegmentationSettings settings_;
  const Archive& archive_;
  const MaskedFilms& films_;
  const EncoderStart start_;
  const std::vector<PlannedModel> plan_;
  const std::filesystem::path folder_;
  std::string films_digest_;
  std::vector<MaskScores> models_;
  Json results_;
  std::string model_id_;
};

}  // namespace chexworld
