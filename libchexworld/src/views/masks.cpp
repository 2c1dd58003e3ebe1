// SPDX-License-Identifier: Apache-2.0
#include "views/masks.h"

#include "base/failure.h"

#include <algorithm>

namespace chexworld {

namespace {

using Sets = std::vector<std::vector<std::int64_t>>;

IndexTable table_of(std::span<const SampleMasks> samples, Sets SampleMasks::* kind, std::size_t set,
                    std::size_t length) {
  IndexTable table{std::int64_t(samples.size()), std::int64_t(length), {}};
  table.values.reserve(samples.size() * length);
  for (const SampleMasks& sample : samples) {
    const auto& indices = (sample.*kind)[set];
    table.values.insert(table.values.end(), indices.begin(), indices.begin() + std::ptrdiff_t(length));
  }
  return table;
}

std::vector<IndexTable> tables_of(std::span<const SampleMasks> samples, Sets SampleMasks::* kind) {
  std::size_t shortest = SIZE_MAX;
  for (const SampleMasks& sample : samples) {
    if ((sample.*kind).size() != (samples[0].*kind).size())
      fail(ErrorCode::kInvalidArgument, "masks: the samples of a batch must have equally many sets");
    for (const auto& indices : sample.*kind) shortest = std::min(shortest, indices.size());
  }
  std::vector<IndexTable> tables;
  for (std::size_t set = 0; set < (samples[0].*kind).size(); ++set)
    tables.push_back(table_of(samples, kind, set, shortest));
  return tables;
}

IndexTable reordered_table(const IndexTable& table, std::span<const std::int64_t> order) {
  IndexTable result{std::int64_t(order.size()), table.length, {}};
  for (const std::int64_t row : order) {
    if (row < 0 || row >= table.rows)
      fail(ErrorCode::kInvalidArgument, "masks: the order names a row that is not there");
    const auto values = table.row(row);
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  return result;
}

std::vector<IndexTable> reordered_tables(const std::vector<IndexTable>& tables, std::span<const std::int64_t> order) {
  std::vector<IndexTable> result;
  for (const IndexTable& table : tables) result.push_back(reordered_table(table, order));
  return result;
}

}  // namespace

MaskBatch cut_to_shortest(std::span<const SampleMasks> samples) {
  if (samples.empty()) fail(ErrorCode::kInvalidArgument, "masks: a batch needs at least one sample");
  return {tables_of(samples, &SampleMasks::contexts), tables_of(samples, &SampleMasks::targets)};
}

MaskBatch draw_batch(const MaskSampler& sampler, int batch_size, RandomSource& sizes, RandomSource& positions) {
  const BlockSizes block_sizes = sampler.draw_sizes(sizes);
  std::vector<SampleMasks> samples;
  for (int i = 0; i < batch_size; ++i) samples.push_back(sampler.draw(block_sizes, positions));
  return cut_to_shortest(samples);
}

MaskBatch reordered(const MaskBatch& masks, std::span<const std::int64_t> order) {
  return {reordered_tables(masks.contexts, order), reordered_tables(masks.targets, order)};
}

MaskBatch draw_batch(const MaskSampler& sampler, std::uint64_t seed, std::uint32_t pass, std::uint64_t batch_index,
                     std::span<const std::int64_t> sample_indices) {
  StreamRandom size_source({seed, pass, batch_index, RandomPurpose::kMaskSizes});
  const BlockSizes sizes = sampler.draw_sizes(size_source);
  std::vector<SampleMasks> samples;
  for (const std::int64_t index : sample_indices) {
    StreamRandom positions({seed, pass, std::uint64_t(index), RandomPurpose::kMaskPositions});
    samples.push_back(sampler.draw(sizes, positions));
  }
  return cut_to_shortest(samples);
}

}  // namespace chexworld
