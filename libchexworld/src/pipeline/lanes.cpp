// SPDX-License-Identifier: Apache-2.0
#include "pipeline/lanes.h"

namespace chexworld {

void Lanes::enter(const ItemPointer& item) {
  if (item->input.lane != 0) lanes_[item->input.lane].items.push_back(item);
}

void Lanes::finished(const ItemPointer& item, std::deque<ItemPointer>& to_store) {
  if (item->input.lane == 0) return to_store.push_back(item);
  Lane& lane = lanes_.at(item->input.lane);
  while (lane.released < lane.items.size() && lane.items[lane.released]->stage == ItemStage::kFinished)
    to_store.push_back(lane.items[lane.released++]);
}

void Lanes::stored(const ItemPointer& item, std::deque<ItemPointer>& to_answer) {
  if (item->input.lane == 0) return to_answer.push_back(item);
  const auto found = lanes_.find(item->input.lane);
  Lane& lane = found->second;
  while (!lane.items.empty() && lane.items.front()->stage == ItemStage::kStored) {
    to_answer.push_back(lane.items.front());
    lane.items.pop_front();
    --lane.released;
  }
  if (lane.items.empty()) lanes_.erase(found);
}

}  // namespace chexworld
