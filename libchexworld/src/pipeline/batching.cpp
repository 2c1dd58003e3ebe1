// SPDX-License-Identifier: Apache-2.0
#include "pipeline/batching.h"

#include <algorithm>
#include <bit>

namespace chexworld {

std::int64_t batch_size(const BatchChoice& choice) {
  if (choice.prepared == 0) return 0;
  const auto waiting = std::int64_t(choice.prepared);
  if (waiting < choice.largest && !choice.budget_over) return 0;
  const std::int64_t share = (waiting + choice.idle_streams - 1) / choice.idle_streams;
  if (share >= choice.largest) return choice.largest;
  return std::int64_t(std::bit_floor(std::uint64_t(share)));
}

}  // namespace chexworld
