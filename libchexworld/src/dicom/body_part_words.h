// SPDX-License-Identifier: Apache-2.0
//
// What the words of a body part or a description say about the chest, in the languages PACS speak.
#pragma once

#include <string_view>

namespace chexworld {

enum class BodyPart { kUnknown, kChest, kOther, kBoth };

/// `text`: Body Part Examined or free text, in any case, with any separators. Letters lost to a wrong character set
/// ('?' or bytes above 127) stand for any letter: "B?cken" is "Becken".
BodyPart body_part_of(std::string_view text);

}  // namespace chexworld
