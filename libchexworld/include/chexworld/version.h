// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chexworld/export.h>

#include <string_view>

namespace chexworld {

/// The version of the library, "MAJOR.MINOR.PATCH". Thread safe; the view never expires.
CHEXWORLD_API std::string_view version();

}  // namespace chexworld
