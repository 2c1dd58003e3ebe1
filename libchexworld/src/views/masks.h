// SPDX-License-Identifier: Apache-2.0
//
// Which patches the context encoder sees and which the predictor must predict (spec section 2.6; I-JEPA,
// section 7). Patches are numbered row by row from the top left.
//
// Per batch one block size for all targets and one for all contexts; per sample the positions. A target set
// is one block, or the union of all blocks of the sample (`merge_targets`); a context is its block without
// any target patch, so the two never overlap.
#pragma once

#include "views/random.h"
#include "views/range.h"

#include <cstdint>
#include <span>
#include <vector>

namespace chexworld {

struct MaskSettings {
  int grid_height = 14;  ///< patches
  int grid_width = 14;
  Range target_scale{0.15, 0.2};   ///< share of the grid's area
  Range target_aspect{0.75, 1.5};  ///< height / width, uniform in the logarithm
  Range context_scale{0.75, 1.0};
  Range context_aspect{1.0, 1.0};
  int targets = 4;            ///< target blocks per sample
  int contexts = 1;           ///< context blocks per sample
  bool merge_targets = true;  ///< CheXWorld: one set per sample; false: I-JEPA, one set per block
  int min_keep = 10;          ///< every set keeps more patches than this
};

struct BlockSize {
  int height = 0;  ///< patches
  int width = 0;

  friend auto operator<=>(const BlockSize&, const BlockSize&) = default;
};

/// The block sizes of one batch.
struct BlockSizes {
  BlockSize target;
  BlockSize context;
};

/// Ascending patch indices of one sample: `contexts` sets, and 1 or `targets` target sets.
struct SampleMasks {
  std::vector<std::vector<std::int64_t>> contexts;
  std::vector<std::vector<std::int64_t>> targets;
};

/// i64[rows, length], row-major: one index set per sample of a batch.
struct IndexTable {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::vector<std::int64_t> values;

  std::span<const std::int64_t> row(std::int64_t r) const { return {values.data() + r * length, std::size_t(length)}; }
  friend bool operator==(const IndexTable&, const IndexTable&) = default;
};

/// The masks of one batch: all tables of a kind have one length.
struct MaskBatch {
  std::vector<IndexTable> contexts;
  std::vector<IndexTable> targets;
};

/// The size of a block of this share of the grid and this aspect: rounded, ties to even, at most the grid.
BlockSize block_size(int grid_height, int grid_width, double scale, double aspect);

/// Draws masks. Immutable, so safe from any thread; every call ends after a bounded number of draws.
class MaskSampler {
 public:
  /// Throws Failure(kInvalidArgument) naming the setting to change unless every block size that the settings
  /// can give leaves both target and context more than `min_keep` patches.
  explicit MaskSampler(const MaskSettings& settings);

  const MaskSettings& settings() const { return settings_; }

  /// Four draws: target scale, target aspect, context scale, context aspect.
  BlockSizes draw_sizes(RandomSource& random) const;

  /// Positions: each target block's top, then left; then each context block, drawn again while it keeps too few
  /// patches. After 20 contexts in a row have failed, the targets are drawn again; after 50 such placements, all
  /// targets go to the top left corner and the contexts to the bottom right, which always fits.
  /// Throws Failure(kInvalidArgument) for sizes that did not come from draw_sizes() and do not fit.
  SampleMasks draw(const BlockSizes& sizes, RandomSource& random) const;

 private:
  MaskSettings settings_;
};

/// Cuts all samples to the shortest set of the batch, contexts and targets apart, by keeping the lowest indices
/// (as published; upper rows are therefore over-represented). Samples must have equally many sets.
MaskBatch cut_to_shortest(std::span<const SampleMasks> samples);

/// A whole batch from one source of sizes and one of positions, sample after sample: what a single process
/// with one generator does.
MaskBatch draw_batch(const MaskSampler& sampler, int batch_size, RandomSource& sizes, RandomSource& positions);

/// The rows of every table in the order `order` (view 2 uses the masks of view 1, permuted).
MaskBatch reordered(const MaskBatch& masks, std::span<const std::int64_t> order);

/// Masks of a batch whose samples draw from their own streams: sizes from (seed, pass, batch index), positions
/// from (seed, pass, sample index). The same samples give the same blocks wherever they are drawn.
MaskBatch draw_batch(const MaskSampler& sampler, std::uint64_t seed, std::uint32_t pass, std::uint64_t batch_index,
                     std::span<const std::int64_t> sample_indices);

}  // namespace chexworld
