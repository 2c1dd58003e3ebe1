// SPDX-License-Identifier: Apache-2.0
#include "bundle/printable.h"

namespace chexworld {

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 96;
  std::string text = "'";
  for (const char c : name.substr(0, kLongest)) {
    const bool plain = static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f;
    text += plain ? c : '?';
  }
  return text + (name.size() > kLongest ? "...'" : "'");
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

}  // namespace chexworld
