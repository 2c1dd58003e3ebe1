// SPDX-License-Identifier: Apache-2.0
//
// From an archive to batches of dual views, ahead of time and always the same.
//
// Training walks in updates: each consists of `accumulate` batches on each of `ranks` processes, numbered one after
// the other through a pass. What a batch holds depends on (seed, pass, its number) alone, so that four batches in
// turn on one process are the four batches of four processes.
#pragma once

#include "trainer/archive/archive.h"
#include "views/dual_view.h"
#include "views/masks.h"

#include <deque>
#include <future>

namespace chexworld {

struct LoaderSettings {
  std::uint64_t seed = 0;
  std::int64_t batch_size = 64;  ///< films per batch
  std::int64_t accumulate = 1;   ///< batches per update and process
  std::int64_t ranks = 1;
  std::int64_t rank = 0;
  int workers = 0;           ///< batches made ahead, each on a thread of its own; 0: made when asked for
  bool single_view = false;  ///< one view without an action (I-JEPA) instead of two
  DualViewSettings views;
  MaskSettings masks;
  bool plans_only = false;  ///< views are left to somebody else, who carries out the plans
};

/// Which films stand in which batch. Immutable, so safe from any thread.
class SampleOrder {
 public:
  /// Throws Failure(kInvalidArgument) where `films` do not fill one update.
  SampleOrder(const LoaderSettings& settings, std::int64_t films);

  std::int64_t updates_per_pass() const { return updates_per_pass_; }

  struct Place {
    std::uint32_t pass = 0;
    std::int64_t batch = 0;  ///< within the pass, over all processes
  };
  /// Of the batch that this process's `iteration` (batches from 0) works on.
  Place place(std::int64_t iteration) const;

  /// Positions in the list of films, the order of the pass being `order`.
  std::vector<std::int64_t> films_of(std::int64_t batch, const std::vector<std::int64_t>& order) const;
  /// All films in the random order of one pass; what does not fill an update at its end is left for other passes.
  std::vector<std::int64_t> order_of(std::uint32_t pass) const;

 private:
  LoaderSettings settings_;
  std::int64_t films_;
  std::int64_t updates_per_pass_;
};

/// One batch before it becomes tensors.
struct LoadedBatch {
  std::vector<std::int64_t> films;    ///< in the archive
  std::vector<DualViewPlan> plans;    ///< of a single view: only the first view's
  std::vector<DualView> views;        ///< of a single view: only views[0]; none with plans_only
  std::vector<RandomStream> streams;  ///< of the views' noise; with plans_only
  MaskBatch masks;
  std::vector<std::int64_t> shuffle;  ///< rows of the masks that view 2 uses
};

/// Hands out batches in order. At most `workers` batches are held, however large the archive is.
/// next() from one thread; the archive must outlive it.
class Loader {
 public:
  /// `films`: those of the archive to train on. Starts at `iteration`, which costs nothing.
  Loader(const Archive& archive, std::vector<std::int64_t> films, const LoaderSettings& settings,
         std::int64_t iteration = 0);

  const SampleOrder& order() const { return order_; }

  /// Throws what making the batch threw.
  LoadedBatch next();
  /// How long next() has made its caller wait so far, seconds.
  double waited_seconds() const { return waited_seconds_; }

  /// Batch of any iteration of this process. Thread safe.
  LoadedBatch make(std::int64_t iteration) const;

 private:
  using Order = std::shared_ptr<const std::vector<std::int64_t>>;
  Order order_of_pass(std::uint32_t pass) const;
  RandomStream stream_of(std::int64_t film, std::uint32_t pass) const;
  void add_sample(LoadedBatch& batch, std::int64_t film, std::uint32_t pass) const;

  const Archive& archive_;
  const std::vector<std::int64_t> films_;
  const LoaderSettings settings_;
  const MaskSampler sampler_;
  const SampleOrder order_;
  std::int64_t iteration_;  // of the next batch to be started
  double waited_seconds_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::uint32_t, Order> orders_;  // of the last passes; guarded by mutex_
  std::deque<std::future<LoadedBatch>> ahead_;     // last, so that workers end before what they use
};

}  // namespace chexworld
