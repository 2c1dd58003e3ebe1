// SPDX-License-Identifier: Apache-2.0
//
// Learning regions from masks: an encoder with a decoder on films that have one.
//
// Films are padded to squares. Training cuts film and mask alike out of the square; validation, test and inference see
// all of it (a letterbox), so that no part of a film is left without an answer.
#pragma once

#include "nn/segmenter.h"
#include "trainer/finetune/encoder_start.h"
#include "trainer/finetune/film_batches.h"
#include "trainer/finetune/fit.h"
#include "trainer/labels/folds.h"
#include "trainer/segmentation/film_masks.h"
#include "trainer/segmentation/segmentation_config.h"

namespace chexworld {

DecoderConfig decoder_config(const SegmentationSettings& settings, const EncoderConfig& encoder);

/// The start with a recipe that letterboxes.
EncoderStart letterboxed(EncoderStart start);

/// Archive, films and start must outlive it.
class SegmentationTask final : public FitTask {
 public:
  /// `start`: letterboxed(). Draws the decoder's weights, and without given ones the encoder's, from `seed`.
  SegmentationTask(const SegmentationSettings& settings, const EncoderStart& start, const Archive& archive,
                   const MaskedFilms& films, const Split& split, std::uint64_t seed);

  Segmenter& model() override { return *model_; }
  const Segmenter& model() const { return *model_; }
  std::vector<ParameterGroup> groups() override;
  std::int64_t batches_per_epoch() const override { return batches_.per_epoch(); }
  std::int64_t films_per_batch() const override { return batches_.batch_size(); }
  at::Tensor next_loss() override;
  /// By the mean Dice of the films.
  Validation validate() override;

  /// Where the region is on some films, u8 0 or 255 of the films' sizes; the model should be in evaluation mode.
  std::vector<GrayImage> regions(const std::vector<std::size_t>& rows) const;

 private:
  at::Tensor loss_of(const at::Tensor& logits, const at::Tensor& targets) const;
  /// f32[n,1,S,S]
  at::Tensor logits(std::span<const std::size_t> rows) const;
  /// The same of the masks, 0 or 1.
  at::Tensor targets(std::span<const std::size_t> rows) const;

  const SegmentationSettings& settings_;
  const EncoderStart& start_;
  const Archive& archive_;
  const MaskedFilms& films_;
  const Split& split_;
  const PreparationRecipe recipe_;
  const at::Device device_;
  std::unique_ptr<Segmenter> model_;
  FilmBatches batches_;
};

}  // namespace chexworld
