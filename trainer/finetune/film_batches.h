// SPDX-License-Identifier: Apache-2.0
//
// Labelled films in batches, augmented for fine-tuning. What a batch holds depends on (seed, epoch, its number) alone.
#pragma once

#include "trainer/archive/archive.h"
#include "views/dual_view.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <vector>

namespace chexworld {

struct FilmBatchSettings {
  std::uint64_t seed = 0;
  std::int64_t batch_size = 32;
  int workers = 0;         ///< batches made ahead, each on a thread of its own
  DualViewSettings views;  ///< crop, jitter and flip of one view
  /// Black is added beside the shorter side before views are cut, so that the whole film is one of them.
  bool squared = false;
  /// Another picture of the film's size, such as a mask, of which the same view is cut, without jitter. Thread safe.
  std::function<GrayImage(std::int64_t film)> companion{};
};

struct AugmentedBatch {
  std::vector<std::size_t> rows;      ///< places in the list of films
  std::vector<SingleViewPlan> plans;  ///< what was done to each
  std::vector<GrayImage> pictures;    ///< u8[size,size] each
  std::vector<GrayImage> companions;  ///< the same of FilmBatchSettings::companion; none without one
};

/// Hands out the batches of one epoch after the other. next() from one thread; the archive must outlive it.
class FilmBatches {
 public:
  /// `films`: those of the archive to train on. With fewer films than a batch takes, an epoch is one batch of them all;
  /// else films that do not fill the last batch of an epoch are left for other epochs. Throws
  /// Failure(kInvalidArgument) without films.
  FilmBatches(const Archive& archive, std::vector<std::int64_t> films, const FilmBatchSettings& settings);

  std::int64_t per_epoch() const { return per_epoch_; }
  std::int64_t batch_size() const { return batch_size_; }

  AugmentedBatch next();
  /// Thread safe.
  AugmentedBatch make(std::int64_t number) const;

 private:
  const Archive& archive_;
  const std::vector<std::int64_t> films_;
  const FilmBatchSettings settings_;
  std::int64_t batch_size_, per_epoch_;
  std::int64_t number_ = 0;                        // of the next batch to be begun
  std::deque<std::future<AugmentedBatch>> ahead_;  // last, so that workers end before what they use
};

}  // namespace chexworld
