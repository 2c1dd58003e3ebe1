// SPDX-License-Identifier: Apache-2.0
#include <chexworld/version.h>

namespace chexworld {

std::string_view version() { return CHEXWORLD_VERSION; }

}  // namespace chexworld
