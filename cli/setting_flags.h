// SPDX-License-Identifier: Apache-2.0
//
// Settings of a training run (trainer/run/settings.h) on the command line.
#pragma once

#include "trainer/run/settings.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace chexworld::cli {

/// Words typed for each setting, by key.
using SettingWords = std::map<std::string, std::vector<std::string>>;

/// "mask_pred_scale" -> "--mask-pred-scale"
std::string flag_name(std::string key);

/// A flag for every setting; `words` must outlive the parsing.
void add_setting_flags(CLI::App& command, const std::vector<SettingInfo>& settings, SettingWords& words);

/// What was typed, as an object that apply_settings() takes. Throws Failure(kInvalidArgument) for what is no number.
Json typed_settings(const std::vector<SettingInfo>& settings, const SettingWords& words);

}  // namespace chexworld::cli
