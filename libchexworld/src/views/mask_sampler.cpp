// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "views/masks.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>

namespace chexworld {

namespace {

constexpr int kContextTries = 20;
constexpr int kPlacements = 50;
constexpr int kLargestGrid = 4096;
constexpr int kProbes = 64;  // per range, when looking for the block sizes that settings can give

struct Block {
  int top = 0;
  int left = 0;
  BlockSize size;
};

using Grid = std::vector<bool>;  // [grid height * grid width]: is the patch taken?

std::string text_of(const BlockSize& size) { return std::to_string(size.height) + " x " + std::to_string(size.width); }

void require_numbers(const MaskSettings& settings) {
  const auto require_count = [](int value, int least, int most, const char* what) {
    if (value >= least && value <= most) return;
    fail(ErrorCode::kInvalidArgument, std::string("masks: ") + what + " must be from " + std::to_string(least) +
                                          " to " + std::to_string(most) + ", not " + std::to_string(value));
  };
  require_count(settings.grid_height, 1, kLargestGrid, "the grid height");
  require_count(settings.grid_width, 1, kLargestGrid, "the grid width");
  require_count(settings.targets, 1, 64, "the number of target blocks");
  require_count(settings.contexts, 1, 64, "the number of context blocks");
  require_count(settings.min_keep, 0, kLargestGrid * kLargestGrid, "min_keep");
  require_range(settings.target_scale, {1e-6, 1}, "masks: the target scale");
  require_range(settings.context_scale, {1e-6, 1}, "masks: the context scale");
  require_range(settings.target_aspect, {1e-3, 1e3}, "masks: the target aspect");
  require_range(settings.context_aspect, {1e-3, 1e3}, "masks: the context aspect");
}

std::set<BlockSize> attainable_sizes(const MaskSettings& settings, const Range& scale, const Range& aspect) {
  std::set<BlockSize> sizes;
  for (int i = 0; i <= kProbes; ++i) {
    const double s = std::lerp(scale.least, scale.most, double(i) / kProbes);
    for (int j = 0; j <= kProbes; ++j) {
      const double a = std::exp(std::lerp(std::log(aspect.least), std::log(aspect.most), double(j) / kProbes));
      sizes.insert(block_size(settings.grid_height, settings.grid_width, s, a));
    }
  }
  return sizes;
}

// How many patches a context block keeps when all targets hide in the opposite corner: no placement keeps more.
int most_kept(const MaskSettings& settings, const BlockSize& target, const BlockSize& context) {
  const int rows = std::max(0, context.height + target.height - settings.grid_height);
  const int columns = std::max(0, context.width + target.width - settings.grid_width);
  return context.height * context.width - rows * columns;
}

[[noreturn]] void fail_target(const MaskSettings& settings, const BlockSize& size) {
  fail(ErrorCode::kInvalidArgument,
       "masks: a target block can be " + text_of(size) + " patches, but must keep more than min_keep = " +
           std::to_string(settings.min_keep) + "; raise the target scale, lower min_keep, or use smaller patches");
}

[[noreturn]] void fail_context(const MaskSettings& settings, const BlockSize& target, const BlockSize& context) {
  fail(ErrorCode::kInvalidArgument,
       "masks: a context block of " + text_of(context) + " patches beside a target of " + text_of(target) +
           " on a grid of " + text_of({settings.grid_height, settings.grid_width}) + " keeps at most " +
           std::to_string(most_kept(settings, target, context)) +
           ", but more than min_keep = " + std::to_string(settings.min_keep) +
           " are needed; raise the context scale, lower the target scale or min_keep, or use smaller patches");
}

void require_sizes(const MaskSettings& settings, const BlockSizes& sizes) {
  const auto fits = [&](const BlockSize& size) {
    return size.height > 0 && size.width > 0 && size.height <= settings.grid_height &&
           size.width <= settings.grid_width;
  };
  if (!fits(sizes.target) || sizes.target.height * sizes.target.width <= settings.min_keep)
    fail_target(settings, sizes.target);
  if (!fits(sizes.context) || most_kept(settings, sizes.target, sizes.context) <= settings.min_keep)
    fail_context(settings, sizes.target, sizes.context);
}

Block draw_block(const MaskSettings& settings, const BlockSize& size, RandomSource& random) {
  Block block{0, 0, size};
  block.top = int(random.below(settings.grid_height - size.height + 1));
  block.left = int(random.below(settings.grid_width - size.width + 1));
  return block;
}

// Ascending indices of the block's patches that are not taken.
std::vector<std::int64_t> free_patches(const Block& block, int grid_width, const Grid& taken) {
  std::vector<std::int64_t> indices;
  for (int y = block.top; y < block.top + block.size.height; ++y) {
    for (int x = block.left; x < block.left + block.size.width; ++x) {
      const std::int64_t index = std::int64_t(y) * grid_width + x;
      if (!taken[std::size_t(index)]) indices.push_back(index);
    }
  }
  return indices;
}

Grid empty_grid(const MaskSettings& settings) {
  return Grid(std::size_t(settings.grid_height) * std::size_t(settings.grid_width));
}

Grid covered_by(const MaskSettings& settings, const std::vector<Block>& blocks) {
  Grid taken = empty_grid(settings);
  for (const Block& block : blocks)
    for (const std::int64_t index : free_patches(block, settings.grid_width, taken)) taken[std::size_t(index)] = true;
  return taken;
}

std::vector<std::vector<std::int64_t>> target_sets(const MaskSettings& settings, const std::vector<Block>& blocks,
                                                   const Grid& covered) {
  std::vector<std::vector<std::int64_t>> sets;
  if (settings.merge_targets) {
    sets.emplace_back();
    for (std::size_t i = 0; i < covered.size(); ++i)
      if (covered[i]) sets[0].push_back(std::int64_t(i));
  } else {
    const Grid none = empty_grid(settings);
    for (const Block& block : blocks) sets.push_back(free_patches(block, settings.grid_width, none));
  }
  return sets;
}

std::optional<std::vector<std::int64_t>> draw_context(const MaskSettings& settings, const BlockSize& size,
                                                      const Grid& covered, RandomSource& random) {
  for (int i = 0; i < kContextTries; ++i) {
    auto kept = free_patches(draw_block(settings, size, random), settings.grid_width, covered);
    if (int(kept.size()) > settings.min_keep) return kept;
  }
  return std::nullopt;
}

std::optional<SampleMasks> draw_placement(const MaskSettings& settings, const BlockSizes& sizes, RandomSource& random) {
  std::vector<Block> blocks;
  for (int i = 0; i < settings.targets; ++i) blocks.push_back(draw_block(settings, sizes.target, random));
  const Grid covered = covered_by(settings, blocks);
  SampleMasks masks;
  for (int i = 0; i < settings.contexts; ++i) {
    auto context = draw_context(settings, sizes.context, covered, random);
    if (!context) return std::nullopt;
    masks.contexts.push_back(std::move(*context));
  }
  masks.targets = target_sets(settings, blocks, covered);
  return masks;
}

SampleMasks corner_placement(const MaskSettings& settings, const BlockSizes& sizes) {
  const std::vector<Block> blocks(std::size_t(settings.targets), Block{0, 0, sizes.target});
  const Block context{settings.grid_height - sizes.context.height, settings.grid_width - sizes.context.width,
                      sizes.context};
  const Grid covered = covered_by(settings, blocks);
  return {std::vector(std::size_t(settings.contexts), free_patches(context, settings.grid_width, covered)),
          target_sets(settings, blocks, covered)};
}

}  // namespace

BlockSize block_size(int grid_height, int grid_width, double scale, double aspect) {
  const int area = int(double(grid_height) * grid_width * scale);
  const auto rounded = [](double value, int most) { return std::min(most, int(std::nearbyint(std::sqrt(value)))); };
  return {rounded(area * aspect, grid_height), rounded(area / aspect, grid_width)};
}

MaskSampler::MaskSampler(const MaskSettings& settings) : settings_(settings) {
  require_numbers(settings);
  const auto contexts = attainable_sizes(settings, settings.context_scale, settings.context_aspect);
  for (const BlockSize& target : attainable_sizes(settings, settings.target_scale, settings.target_aspect))
    for (const BlockSize& context : contexts) require_sizes(settings, {target, context});
}

BlockSizes MaskSampler::draw_sizes(RandomSource& random) const {
  const auto draw_size = [&](const Range& scale, const Range& aspect) {
    const double s = uniform_in(random, scale);
    return block_size(settings_.grid_height, settings_.grid_width, s, log_uniform_in(random, aspect));
  };
  BlockSizes sizes;
  sizes.target = draw_size(settings_.target_scale, settings_.target_aspect);
  sizes.context = draw_size(settings_.context_scale, settings_.context_aspect);
  return sizes;
}

SampleMasks MaskSampler::draw(const BlockSizes& sizes, RandomSource& random) const {
  require_sizes(settings_, sizes);
  for (int i = 0; i < kPlacements; ++i)
    if (auto masks = draw_placement(settings_, sizes, random)) return std::move(*masks);
  return corner_placement(settings_, sizes);
}

}  // namespace chexworld
