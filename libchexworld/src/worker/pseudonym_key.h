// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace chexworld {

/// The secret behind patient keys, from a file; made at random (mode 0600) where there is none. Workers that share a
/// store must share it, or the studies of one patient look like those of several. Throws Failure; kMalformed for a file
/// with less than 32 characters.
std::string read_or_make_pseudonym_key(const std::filesystem::path& file);

}  // namespace chexworld
