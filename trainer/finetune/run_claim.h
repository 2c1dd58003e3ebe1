// SPDX-License-Identifier: Apache-2.0
//
// What a folder of a fine-tuning run was made for, so that the same command goes on with it and no other does.
#pragma once

#include "base/config.h"

#include <filesystem>

namespace chexworld {

/// Settings of a FitConfig or of what extends it, without those that change no number.
Json binding_settings(Json settings);

/// Makes the folder and writes config.json: `claim` with its settings under "settings". Throws
/// Failure(kInvalidArgument) where there is one that differs in more than settings that change no number.
void claim_run_folder(const std::filesystem::path& folder, const Json& claim);

}  // namespace chexworld
