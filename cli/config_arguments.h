// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

namespace chexworld::cli {

/// Fills the options of `command` that were not given on the command line from a TOML or JSON file, whose keys are the
/// options' names without dashes ("token-file"). An unknown key is a Failure that names it.
void apply_config_file(CLI::App& command, const std::filesystem::path& file);

}  // namespace chexworld::cli
