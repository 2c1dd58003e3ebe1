// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace chexworld {

/// RFC 4648 section 4, with padding.
std::string base64_encoded(std::span<const std::byte> bytes);
/// The bytes; nothing where the text is no such encoding.
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace chexworld
