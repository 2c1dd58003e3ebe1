// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/batch_source.h"

namespace chexworld {
namespace {

LoaderSettings with_plans_only(LoaderSettings settings, bool plans_only) {
  settings.plans_only = plans_only;
  return settings;
}

}  // namespace

BatchSource::BatchSource(const Archive& archive, const std::vector<std::int64_t>& films, LoaderSettings settings,
                         at::Device device, bool films_on_device, std::int64_t iteration)
    : device_(device),
      size_(settings.views.size),
      loader_(archive, films, with_plans_only(settings, films_on_device), iteration) {
  if (films_on_device) store_.emplace(archive, films, device);
}

GrayDualViews BatchSource::dual_views(const LoadedBatch& loaded) const {
  if (!store_) return stack_dual_views(loaded.views, device_);
  return make_dual_views(store_->batch(loaded.films), loaded.plans, size_, loaded.streams);
}

at::Tensor BatchSource::first_views(const LoadedBatch& loaded) const {
  if (store_) return make_first_views(store_->batch(loaded.films), loaded.plans, size_);
  std::vector<GrayImage> views;
  for (const DualView& sample : loaded.views) views.push_back(sample.views[0]);
  return stack_films(views, device_).pixels;
}

DualViewBatch BatchSource::next_dual() {
  const LoadedBatch loaded = loader_.next();
  return view_batch(dual_views(loaded), loaded.plans, loaded.masks, loaded.shuffle, Normalization());
}

MaskedBatch BatchSource::next_masked() {
  const LoadedBatch loaded = loader_.next();
  MaskedBatch batch;
  batch.images = normalized(first_views(loaded), Normalization());
  batch.context_positions = index_tensor(loaded.masks.contexts[0], device_);
  for (const IndexTable& targets : loaded.masks.targets)
    batch.target_positions.push_back(index_tensor(targets, device_));
  return batch;
}

}  // namespace chexworld
