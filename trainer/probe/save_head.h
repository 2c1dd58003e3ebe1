// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"
#include "trainer/probe/cross_validation.h"

#include <chexworld/bundle.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

/// Throws Failure(kInvalidArgument) for a bundle that a linear head on mean features cannot join: one whose head stands
/// in place of the encoder's final norm.
void require_room_for_head(const std::filesystem::path& bundle);

/// Writes `source` again with this head ("fc": linear on the mean token) in place of any other: weights for features as
/// they come out of the encoder, labels with calibration and thresholds. `training` is added to the summary of the
/// bundle under "head"; `evaluation` and `domain` take the place of the other head's (docs/formats.md); without a
/// domain every film is answered. Returns the model id. Throws Failure(kInvalidArgument) where features are not the
/// mean token.
std::string save_probe_head(const std::filesystem::path& source, const std::filesystem::path& target,
                            const LabelledFilms& labels, const CalibratedHead& head, const Json& training,
                            const Json& evaluation, std::optional<BundleDomain> domain = {});

}  // namespace chexworld
