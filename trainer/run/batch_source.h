// SPDX-License-Identifier: Apache-2.0
//
// From films to the tensors that an objective takes: views are made on the host by the loader's threads, or on the
// training device from films that lie there.
#pragma once

#include "trainer/loading/loader.h"
#include "trainer/run/film_store.h"
#include "worldmodel/masked_objective.h"
#include "worldmodel/view_batch.h"

namespace chexworld {

/// Batches of one process, in order. From one thread; the archive must outlive it.
class BatchSource {
 public:
  /// `films_on_device`: keep the films there and carry out plans there (worldmodel/tensor_augment.h); views differ from
  /// the host's only by rounding (docs/augmentation.md). Starts at `iteration`.
  BatchSource(const Archive& archive, const std::vector<std::int64_t>& films, LoaderSettings settings,
              at::Device device, bool films_on_device, std::int64_t iteration = 0);

  DualViewBatch next_dual();
  /// For settings with `single_view`.
  MaskedBatch next_masked();

  /// How long the loader has made its caller wait so far, seconds.
  double waited_seconds() const { return loader_.waited_seconds(); }

 private:
  GrayDualViews dual_views(const LoadedBatch& loaded) const;
  at::Tensor first_views(const LoadedBatch& loaded) const;

  const at::Device device_;
  const int size_;  // of the views, pixels
  std::optional<FilmStore> store_;
  Loader loader_;
};

}  // namespace chexworld
