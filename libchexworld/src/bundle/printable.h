// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace chexworld {

/// A name out of a file as it may stand in a message: quoted, without control characters, cut when long.
std::string printable(std::string_view name);

/// "[1, 196, 768]"
std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace chexworld
