// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace chexworld {

struct CodecVersion {
  std::string library;
  std::string version;
};

/// The libraries that parse and decode, with the versions in use (for libjpeg-turbo: the one built against).
std::vector<CodecVersion> codec_versions();

}  // namespace chexworld
