// SPDX-License-Identifier: Apache-2.0
//
// Keeps items of one lane in the order of submission, first on their way to the sink, then on the way to the answer.
#pragma once

#include "pipeline/item.h"

#include <cstdint>
#include <deque>
#include <unordered_map>

namespace chexworld {

/// Not thread safe.
class Lanes {
 public:
  void enter(const ItemPointer& item);
  /// The item is kFinished: appends what may go to the sink now, in order.
  void finished(const ItemPointer& item, std::deque<ItemPointer>& to_store);
  /// The item is kStored: appends what may be answered now, in order.
  void stored(const ItemPointer& item, std::deque<ItemPointer>& to_answer);

 private:
  struct Lane {
    std::deque<ItemPointer> items;  // by submission
    std::size_t released = 0;       // of those, went to the sink
  };
  std::unordered_map<std::uint64_t, Lane> lanes_;
};

}  // namespace chexworld
