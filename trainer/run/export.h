// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"
#include "image/content_area.h"
#include "worldmodel/world_model.h"

#include <filesystem>

namespace chexworld {

/// Writes an encoder as a model bundle with a self-test (docs/formats.md). `training`: a summary for people.
/// Returns the model id.
std::string export_encoder(const VisionTransformer& encoder, const std::filesystem::path& path, const TrimOptions& trim,
                           const Json& training);

/// What a run is for.
inline std::string export_target_encoder(const WorldModel& model, const std::filesystem::path& path,
                                         const TrimOptions& trim, const Json& training) {
  return export_encoder(model.target_encoder(), path, trim, training);
}

}  // namespace chexworld
