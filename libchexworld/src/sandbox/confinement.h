// SPDX-License-Identifier: Apache-2.0
//
// The walls around a decoder process. Each narrows the calling process for good.
#pragma once

#include <chrono>
#include <cstdint>

namespace chexworld {

/// Closes every descriptor above `last`.
void close_descriptors_above(int last);

/// Dies with the process `parent`; ends at once where that is gone already.
void die_with(int parent);

/// A network namespace of its own, without interfaces; false where the system does not allow it.
bool leave_the_network();

/// No new processes, files or core dumps; `memory_bytes` of address space (not in builds with AddressSanitizer). Throws
/// Failure.
void limit_resources(std::uint64_t memory_bytes);

/// From now on the process may compute for this long, then it is ended: for one whose parent no longer watches it.
void limit_processor_time(std::chrono::milliseconds most);

/// From here on the process may only compute, take memory, use the descriptors it has and end: all other system calls
/// fail with EPERM, and those that only an attacker would make end it. False where this build or system has no seccomp.
bool filter_system_calls();

}  // namespace chexworld
