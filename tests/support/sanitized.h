// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace chexworld::test {

/// Built with the address or thread sanitizer: freed memory is kept for a while, so resident size says little; address
/// space and system calls cannot be limited; a crash ends with a report.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace chexworld::test
