// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.h"
#include "dicom/radiograph_writer.h"

#include <algorithm>
#include <array>

namespace chexworld {

// A version 8 UUID (RFC 9562) made of the first 128 bits of the name's SHA-256, written as one decimal number.
std::string uid_from_name(std::string_view name) {
  const Sha256Digest digest = sha256(name);
  std::array<unsigned, 16> number{};
  for (std::size_t i = 0; i < number.size(); ++i) number[i] = std::to_integer<unsigned>(digest[i]);
  number[6] = (number[6] & 0x0fU) | 0x80U;
  number[8] = (number[8] & 0x3fU) | 0x80U;
  std::string digits;
  while (std::any_of(number.begin(), number.end(), [](unsigned byte) { return byte != 0; })) {
    unsigned rest = 0;  // long division by ten
    for (unsigned& byte : number) {
      rest = rest * 256 + byte;
      byte = rest / 10;
      rest %= 10;
    }
    digits.push_back(char('0' + rest));
  }
  std::reverse(digits.begin(), digits.end());
  return "2.25." + digits;
}

}  // namespace chexworld
