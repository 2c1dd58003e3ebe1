// SPDX-License-Identifier: Apache-2.0
//
// Fine-tuning of a classifier: an encoder with a head on labelled films.
#pragma once

#include "nn/heads.h"
#include "trainer/finetune/encoder_start.h"
#include "trainer/finetune/film_batches.h"
#include "trainer/finetune/finetune_config.h"
#include "trainer/finetune/fit.h"
#include "trainer/labels/folds.h"

#include <optional>

namespace chexworld {

/// Archive, labels and start must outlive it.
class ClassifierTask final : public FitTask {
 public:
  /// Draws the head's weights, and without given ones the encoder's, from `seed`.
  ClassifierTask(const FinetuneConfig& config, const EncoderStart& start, const Archive& archive,
                 const LabelledFilms& labels, const Split& split, std::uint64_t seed);

  Classifier& model() override { return model_; }
  std::vector<ParameterGroup> groups() override;
  std::int64_t batches_per_epoch() const override { return batches_.per_epoch(); }
  std::int64_t films_per_batch() const override { return batches_.batch_size(); }
  at::Tensor next_loss() override;
  /// By the mean AUROC of the findings; classes one against the rest.
  Validation validate() override;

  /// f64[n,K] logits of some rows of the labels; the model should be in evaluation mode.
  std::vector<double> logits(const std::vector<std::size_t>& rows) const;

 private:
  at::Tensor loss_of(const at::Tensor& logits, const std::vector<std::size_t>& rows) const;

  const FinetuneConfig& config_;
  const EncoderStart& start_;
  const Archive& archive_;
  const LabelledFilms& labels_;
  const Split& split_;
  const at::Device device_;
  Classifier model_;
  FilmBatches batches_;
  at::Tensor targets_, weights_;  // f32[n,K] of all labelled films
  at::Tensor classes_;            // i64[n], where findings exclude each other
  at::Tensor balance_;            // f32[K]: of positives, or of classes
};

HeadConfig head_config(const FinetuneConfig& config, const EncoderConfig& encoder, std::int64_t classes);

/// Mean AUROC over the findings that have both values among `rows`; NaN without any.
double mean_auroc(const LabelledFilms& labels, const std::vector<std::size_t>& rows, const std::vector<double>& logits);

}  // namespace chexworld
