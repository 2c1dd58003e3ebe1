// SPDX-License-Identifier: Apache-2.0
#include "cli/config_arguments.h"

#include "base/config.h"
#include "base/failure.h"

namespace chexworld::cli {
namespace {

std::string value_text(const Json& value, const std::string& key) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean() || value.is_number()) return value.dump();
  fail(ErrorCode::kInvalidArgument, "'" + key + "' must be a text, a number, true or false");
}

void apply(CLI::App& command, const std::string& key, const Json& value) {
  CLI::Option* option = command.get_option_no_throw("--" + key);
  if (option == nullptr || key == "config" || key == "help")
    fail(ErrorCode::kInvalidArgument, "unknown key '" + key + "'");
  if (option->count() > 0) return;  // the command line has the last word
  option->add_result(value_text(value, key));
  option->run_callback();
}

}  // namespace

void apply_config_file(CLI::App& command, const std::filesystem::path& file) {
  const Json config = read_config_file(file);
  within(file.string(), [&] {
    if (!config.is_object()) fail(ErrorCode::kInvalidArgument, "must hold keys and values");
    for (const auto& [key, value] : config.items()) apply(command, key, value);
  });
}

}  // namespace chexworld::cli
