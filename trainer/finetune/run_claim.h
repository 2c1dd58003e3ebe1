// SPDX-License-Identifier: Apache-2.0
//
// What a folder of a fine-tuning run was made for, so that the same command goes on with it and no other does; and what
// its finished models left there.
#pragma once

#include "base/config.h"
#include "base/failure.h"

#include <filesystem>
#include <optional>
#include <string>

namespace chexworld {

/// Settings of a FitConfig or of what extends it, without those that change no number.
Json binding_settings(Json settings);

/// Makes the folder and writes config.json: `claim` with its settings under "settings". Throws
/// Failure(kInvalidArgument) where there is one that differs in more than settings that change no number.
void claim_run_folder(const std::filesystem::path& folder, const Json& claim);

/// `from` of the JSON file that a finished model left under "fingerprint". Nothing where there is none, where it is of
/// another fingerprint, or damaged: then the model is trained again.
template <class From>
auto finished_model(const std::filesystem::path& path, const std::string& fingerprint, From&& from)
    -> std::optional<std::invoke_result_t<From, const Json&>> {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const Json json = read_config_file(path);
    if (json.at("fingerprint") != fingerprint) return std::nullopt;
    return from(json);
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const Failure&) {
    return std::nullopt;
  }
}

}  // namespace chexworld
