// SPDX-License-Identifier: Apache-2.0
//
// What reader and writer of an archive agree on.
#pragma once

#include "base/sha256.h"
#include "trainer/archive/archive.h"

#include <cstring>
#include <span>

namespace chexworld {

inline constexpr std::string_view kArchiveFormat = "1";
inline constexpr const char* kShardFormatKey = "chexworld.archive";
inline constexpr const char* kShardColumnsKey = "chexworld.columns";
inline constexpr const char* kArchiveSettingsFile = "archive.json";

/// archive.json of `folder`. Throws Failure(kNotFound, kMalformed, kUnsupported, kInvalidArgument).
ArchiveSettings read_archive_settings(const std::filesystem::path& folder);
void write_archive_settings(const std::filesystem::path& folder, const ArchiveSettings& settings);

ArchiveDigest film_digest(PixelSize size, std::span<const std::byte> pixels);

inline ArchiveDigest shortened(const Sha256Digest& digest) {
  ArchiveDigest half;
  std::memcpy(half.data(), digest.data(), half.size());
  return half;
}

}  // namespace chexworld
