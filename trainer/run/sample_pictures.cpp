// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/sample_pictures.h"

#include "trainer/run/pretraining.h"
#include "views/contact_sheet.h"
#include "worldmodel/view_batch.h"

#include <algorithm>
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <cstdio>

namespace chexworld {
namespace {

constexpr std::int64_t kSamples = 3;

/// The view, dark, with each predicted patch as bright as its prediction is right: cosine -1 black, 1 white.
GrayImage agreement_picture(const GrayImage& view, const at::Tensor& cosine, std::span<const std::int64_t> patches,
                            int patch_size) {
  GrayImage picture = view;
  for (std::uint8_t& pixel : picture.pixels) pixel = std::uint8_t(pixel / 3);
  const int grid = view.width / patch_size;
  for (std::size_t k = 0; k < patches.size(); ++k) {
    const double level = (cosine[std::int64_t(k)].item<double>() + 1) / 2 * 255;
    const int top = int(patches[k]) / grid * patch_size, left = int(patches[k]) % grid * patch_size;
    for (int y = 0; y < patch_size; ++y)
      for (int x = 0; x < patch_size; ++x) picture.at(top + y, left + x) = std::uint8_t(std::clamp(level, 0.0, 255.0));
  }
  return picture;
}

/// Side by side, tops aligned.
GrayImage beside(const GrayImage& left, const GrayImage& right) {
  GrayImage both{left.width + 4 + right.width, std::max(left.height, right.height), {}};
  both.pixels.assign(std::size_t(both.width) * std::size_t(both.height), 0);
  const auto put = [&](const GrayImage& part, int at) {
    for (int y = 0; y < part.height; ++y)
      for (int x = 0; x < part.width; ++x) both.at(y, at + x) = part.at(y, x);
  };
  put(left, 0);
  put(right, left.width + 4);
  return both;
}

std::array<SampleMasks, 2> masks_of(const LoadedBatch& batch, std::int64_t sample) {
  std::array<SampleMasks, 2> masks;
  const std::int64_t rows[] = {sample, batch.shuffle[std::size_t(sample)]};
  for (std::size_t view = 0; view < 2; ++view) {
    const auto context = batch.masks.contexts[0].row(rows[view]), target = batch.masks.targets[0].row(rows[view]);
    masks[view].contexts.emplace_back(context.begin(), context.end());
    masks[view].targets.emplace_back(target.begin(), target.end());
  }
  return masks;
}

}  // namespace

std::vector<ReportPicture> sample_pictures(const WorldModel& model, const PretrainConfig& config,
                                           const Archive& archive, const std::vector<std::int64_t>& films) {
  if (std::int64_t(films.size()) < kSamples || config.is_ijepa()) return {};
  const c10::NoGradGuard no_gradient;
  LoaderSettings settings = config.loader(0, 1);
  settings.batch_size = kSamples;
  settings.accumulate = 1;
  settings.workers = 0;
  const LoadedBatch loaded = Loader(archive, films, settings).make(0);
  const DualViewBatch batch = view_batch(stack_dual_views(loaded.views, at::Device(config.device)), loaded.plans,
                                         loaded.masks, loaded.shuffle, Normalization());
  const Term term = world_model_terms(model, batch, step_options(config).objective).term11;
  const at::Tensor cosine = at::cosine_similarity(term.predicted, term.target, 2).cpu();
  std::vector<ReportPicture> pictures;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    const auto index = std::size_t(i);
    const int size = int(config.image_size), grid = settings.masks.grid_width;
    const GrayImage sheet =
        contact_sheet(archive.film(loaded.films[index]), loaded.plans[index], size, masks_of(loaded, i), {grid, grid});
    const GrayImage agreement = agreement_picture(loaded.views[index].views[0], cosine[i],
                                                  loaded.masks.targets[0].row(i), int(config.patch_size));
    char caption[160];
    std::snprintf(caption, sizeof caption,
                  "film, view, context, seen, to be predicted; right: agreement of prediction and target in view 1, "
                  "mean cosine %.2f",
                  cosine[i].mean().item<double>());
    pictures.push_back({beside(sheet, agreement), caption});
  }
  return pictures;
}

}  // namespace chexworld
