// SPDX-License-Identifier: Apache-2.0
//
// COLUMN=VALUE on command lines.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace chexworld {
class Archive;
}

namespace chexworld::cli {

/// "split_pretrain=yes". Throws Failure(kInvalidArgument) for what has no such form.
std::pair<std::string, std::string> condition(const std::string& text);

/// The films of an archive that meet all conditions, ascending.
std::vector<std::int64_t> films_of(const Archive& archive, const std::vector<std::string>& conditions);

}  // namespace chexworld::cli
