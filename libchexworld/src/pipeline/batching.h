// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace chexworld {

/// What a stream that has nothing to do finds.
struct BatchChoice {
  std::size_t prepared = 0;  ///< radiographs that wait
  int idle_streams = 1;      ///< this one included
  std::int64_t largest = 8;  ///< batch
  bool budget_over = false;  ///< the first of them has waited long enough for others
};

/// How many to compute together now; 0: wait for more. Only 1, 2, 4, ... and `largest`, so that kernels exist for all
/// sizes that occur; what several idle streams find is shared among them.
std::int64_t batch_size(const BatchChoice& choice);

}  // namespace chexworld
