// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

namespace chexworld::cli {

/// `model export`.
void add_model_export(CLI::App& parent);
/// `model push`, `list` and `rollback`.
void add_model_server_commands(CLI::App& parent);

}  // namespace chexworld::cli
