// SPDX-License-Identifier: Apache-2.0
#include "dicom/own_results.h"

#include "base/sha256.h"

#include <cstdint>

namespace chexworld {

std::string derived_uid(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const std::string_view part : parts) {
    joined += part;
    joined += '\0';
  }
  const Sha256Digest digest = sha256(joined);
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | std::to_integer<std::uint64_t>(digest[std::size_t(i)]);
  // 43 characters, a dot and at most 20 digits: the 64 that a UID may have.
  return std::string(kOwnUidRoot) + "." + std::to_string(number);
}

}  // namespace chexworld
