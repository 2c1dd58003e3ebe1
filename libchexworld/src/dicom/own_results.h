// SPDX-License-Identifier: Apache-2.0
//
// How objects that chexworld makes from radiographs can be recognised, so that they are never taken for input.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace chexworld {

/// UIDs of our results start with this root and a dot (a UUID-derived arc, PS3.5 annex B.2).
inline constexpr std::string_view kOwnUidRoot = "2.25.53697530550936115774315446462497329072";

/// Manufacturer (0008,0070) and Manufacturer's Model Name (0008,1090) of our results. Synthetic radiographs carry
/// another model name: they are input.
inline constexpr std::string_view kOwnManufacturer = "chexworld";
inline constexpr std::string_view kOwnResultModel = "chexworld results";

/// A UID below kOwnUidRoot that is always the same for the same parts: the first 64 bits of their SHA-256, in decimal.
std::string derived_uid(std::initializer_list<std::string_view> parts);

}  // namespace chexworld
