// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/view_batch.h"

#include "base/failure.h"
#include "worldmodel/to_device.h"

#include <algorithm>
#include <ATen/ATen.h>
#include <cstring>

namespace chexworld {

namespace {

using at::Tensor;

template <std::size_t N>
Tensor table_of(const std::vector<std::array<float, N>>& rows, at::Device device) {
  Tensor table = at::empty({std::int64_t(rows.size()), std::int64_t(N)}, at::kFloat);
  if (!rows.empty()) std::memcpy(table.mutable_data_ptr(), rows.data(), rows.size() * sizeof rows[0]);
  return to_device(table, device);
}

Tensor stacked(std::span<const DualView> samples, std::array<GrayImage, 2> DualView::* kind, std::size_t view,
               at::Device device) {
  const GrayImage& first = (samples[0].*kind)[view];
  Tensor pixels = at::empty({std::int64_t(samples.size()), first.height, first.width}, at::kByte);
  auto* target = pixels.mutable_data_ptr<std::uint8_t>();
  for (const DualView& sample : samples) {
    const GrayImage& picture = (sample.*kind)[view];
    if (picture.width != first.width || picture.height != first.height)
      fail(ErrorCode::kInvalidArgument, "batch: all views must have one size");
    target = std::copy(picture.pixels.begin(), picture.pixels.end(), target);
  }
  return to_device(pixels, device);
}

Tensor actions_of(std::span<const DualViewPlan> plans, std::size_t view, at::Device device) {
  std::vector<Action> actions;
  for (const DualViewPlan& plan : plans) actions.push_back(plan.views[view].action);
  return action_tensor(actions, device);
}

Tensor positions_of(std::span<const DualViewPlan> plans, RelativePosition position(const DualViewPlan&),
                    at::Device device) {
  std::vector<RelativePosition> positions;
  for (const DualViewPlan& plan : plans) positions.push_back(position(plan));
  return position_tensor(positions, device);
}

void require_one_batch(std::int64_t pictures, std::size_t plans, const MaskBatch& masks, std::size_t shuffle) {
  const auto fits = [pictures](const std::vector<IndexTable>& tables) {
    return !tables.empty() && tables[0].rows == pictures;
  };
  if (pictures == std::int64_t(plans) && plans == shuffle && fits(masks.contexts) && fits(masks.targets)) return;
  fail(ErrorCode::kInvalidArgument,
       "batch: views, plans, masks and shuffle must be of one batch of " + std::to_string(pictures) + " samples");
}

}  // namespace

GrayDualViews stack_dual_views(std::span<const DualView> samples, at::Device device) {
  if (samples.empty()) fail(ErrorCode::kInvalidArgument, "batch: a batch needs at least one sample");
  GrayDualViews gray;
  for (std::size_t view = 0; view < 2; ++view) {
    gray.views[view] = stacked(samples, &DualView::views, view, device);
    gray.contexts[view] = stacked(samples, &DualView::contexts, view, device);
  }
  return gray;
}

DualViewBatch view_batch(const GrayDualViews& gray, std::span<const DualViewPlan> plans, const MaskBatch& masks,
                         std::span<const std::int64_t> shuffle, const Normalization& normalization) {
  require_one_batch(gray.views[0].size(0), plans.size(), masks, shuffle.size());
  const at::Device device = gray.views[0].device();
  DualViewBatch batch;
  batch.view1 = normalized(gray.views[0], normalization);
  batch.view2 = normalized(gray.views[1], normalization);
  batch.augmented1 = normalized(gray.contexts[0], normalization);
  batch.augmented2 = normalized(gray.contexts[1], normalization);
  batch.action1 = actions_of(plans, 0, device);
  batch.action2 = actions_of(plans, 1, device);
  batch.relative_position21 = positions_of(plans, second_seen_from_first, device);
  batch.relative_position12 = positions_of(plans, first_seen_from_second, device);
  batch.share_positions(
      index_tensor(masks.contexts[0], device), index_tensor(masks.targets[0], device),
      to_device(at::tensor(at::ArrayRef<std::int64_t>(shuffle.data(), shuffle.size()), at::kLong), device));
  return batch;
}

Tensor action_tensor(std::span<const Action> actions, at::Device device) {
  std::vector<std::array<float, 5>> rows;
  for (const Action& action : actions) rows.push_back(action.values());
  return table_of(rows, device);
}

Tensor position_tensor(std::span<const RelativePosition> positions, at::Device device) {
  return table_of(std::vector<RelativePosition>(positions.begin(), positions.end()), device);
}

Tensor index_tensor(const IndexTable& table, at::Device device) {
  return to_device(at::tensor(table.values, at::kLong).view({table.rows, table.length}), device);
}

}  // namespace chexworld
