// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace chexworld {

/// Calls action(0) to action(count - 1) on up to `threads` threads, the caller's among them. An exception ends the
/// thread it came in, the others go on; one of them is thrown at the end.
void in_parallel(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& action);

}  // namespace chexworld
