// SPDX-License-Identifier: Apache-2.0
#include "trainer/segmentation/segmentation_task.h"

#include "image/region_mask.h"
#include "nn/segmentation.h"
#include "worldmodel/tensor_augment.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <map>

namespace chexworld {
namespace {

constexpr std::size_t kChunk = 32;  // films evaluated at once
constexpr float kThreshold = 0.5F;  // probability from which a pixel belongs to the region

std::vector<std::int64_t> films_of(const MaskedFilms& films, const std::vector<std::size_t>& rows) {
  std::vector<std::int64_t> chosen;
  for (const std::size_t row : rows) chosen.push_back(films.films.films[row]);
  return chosen;
}

FilmBatchSettings batch_settings(const SegmentationSettings& settings, const EncoderStart& start,
                                 const Archive& archive, const MaskedFilms& films, std::uint64_t seed) {
  std::map<std::int64_t, std::filesystem::path> masks;
  for (std::size_t row = 0; row < films.size(); ++row) masks[films.films.films[row]] = films.masks[row];
  FilmBatchSettings batches{seed, settings.batch_size, int(settings.workers), settings.views(start.encoder.image_size)};
  batches.squared = true;
  batches.companion = [&archive, masks = std::move(masks)](std::int64_t film) {
    return film_mask(archive, film, masks.at(film));
  };
  return batches;
}

/// f32[n,1,S,S], 0 or 1.
at::Tensor mask_tensor(const std::vector<GrayImage>& masks, at::Device device) {
  return (stack_films(masks, device).pixels >= 128).to(at::kFloat).unsqueeze(1);
}

FloatImage image_of(const at::Tensor& map) {
  const at::Tensor values = map.to(at::kCPU, at::kFloat).contiguous();
  const float* first = values.const_data_ptr<float>();
  return {int(values.size(1)), int(values.size(0)), std::vector<float>(first, first + values.numel())};
}

template <class Function>
void in_chunks(const std::vector<std::size_t>& rows, Function&& function) {
  for (std::size_t begin = 0; begin < rows.size(); begin += kChunk)
    function(std::span(rows).subspan(begin, std::min(kChunk, rows.size() - begin)));
}

}  // namespace

DecoderConfig decoder_config(const SegmentationSettings& settings, const EncoderConfig& encoder) {
  DecoderConfig decoder;
  decoder.kind = settings.decoder == "auto" ? usual_decoder(encoder) : decoder_kind(settings.decoder);
  decoder.channels = settings.decoder_channels;
  return decoder;
}

EncoderStart letterboxed(EncoderStart start) {
  start.recipe.fit = PreparationRecipe::Fit::kLetterbox;
  start.recipe.size = {int(start.encoder.image_size), int(start.encoder.image_size)};
  return start;
}

SegmentationTask::SegmentationTask(const SegmentationSettings& settings, const EncoderStart& start,
                                   const Archive& archive, const MaskedFilms& films, const Split& split,
                                   std::uint64_t seed)
    : settings_(settings),
      start_(start),
      archive_(archive),
      films_(films),
      split_(split),
      recipe_(start.recipe_for_archive()),
      device_(settings.device),
      model_(make_segmenter(start.encoder, decoder_config(settings, start.encoder),
                            {settings.freeze_encoder ? 0 : settings.drop_path, settings.gradient_checkpointing})),
      batches_(archive, films_of(films, split.train), batch_settings(settings, start, archive, films, seed)) {
  model_->initialise(seed);
  load_start(start, model_->encoder());
  model_->to(device_);
  if (settings.freeze_encoder) model_->encoder().freeze();
}

std::vector<ParameterGroup> SegmentationTask::groups() {
  return layer_decay_groups(model_->parameters(), "feature_model.", start_.encoder.depth, settings_.layer_decay,
                            settings_.weight_decay);
}

at::Tensor SegmentationTask::loss_of(const at::Tensor& logits, const at::Tensor& targets) const {
  const at::Tensor found = logits.to(at::kFloat);
  return settings_.dice_weight * dice_loss(found, targets) +
         settings_.bce_weight * at::binary_cross_entropy_with_logits(found, targets);
}

at::Tensor SegmentationTask::next_loss() {
  const AugmentedBatch batch = batches_.next();
  const at::Tensor images = normalized(stack_films(batch.pictures, device_).pixels, start_.recipe.normalization);
  return loss_of((*model_)(images), mask_tensor(batch.companions, device_));
}

at::Tensor SegmentationTask::logits(std::span<const std::size_t> rows) const {
  const c10::NoGradGuard no_gradient;
  std::vector<GrayImage> views;
  for (const std::size_t row : rows) views.push_back(fitted_view(archive_.film(films_.films.films[row]), recipe_));
  const at::Tensor images = normalized(stack_films(views, device_).pixels, recipe_.normalization);
  return (*model_)(images).to(at::kFloat);
}

at::Tensor SegmentationTask::targets(std::span<const std::size_t> rows) const {
  std::vector<GrayImage> views;
  for (const std::size_t row : rows)
    views.push_back(fitted_view(film_mask(archive_, films_.films.films[row], films_.masks[row]), recipe_));
  return mask_tensor(views, device_);
}

Validation SegmentationTask::validate() {
  double dice = 0, loss = 0;
  in_chunks(split_.validation, [&](std::span<const std::size_t> rows) {
    const at::Tensor found = logits(rows), wanted = targets(rows);
    dice += hard_dice(found, wanted).sum().item<double>();
    loss += loss_of(found, wanted).item<double>() * double(rows.size());
  });
  const auto films = double(split_.validation.size());
  return {dice / films, {{"dice", dice / films}, {"loss", loss / films}}};
}

std::vector<GrayImage> SegmentationTask::regions(const std::vector<std::size_t>& rows) const {
  std::vector<GrayImage> regions;
  in_chunks(rows, [&](std::span<const std::size_t> chunk) {
    const at::Tensor probabilities = logits(chunk).sigmoid();
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      const GrayImage film = archive_.film(films_.films.films[chunk[i]]);
      const FloatImage square = image_of(probabilities[std::int64_t(i)][0]);
      const FloatImage values = on_film(square, view_window(film, recipe_), {film.height, film.width});
      regions.push_back(mask_from(values, kThreshold));
    }
  });
  return regions;
}

}  // namespace chexworld
