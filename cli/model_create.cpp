// SPDX-License-Identifier: Apache-2.0
//
// `chexworld model create`: a bundle that has learnt nothing, to try a system with before there are weights.
#include "base/failure.h"
#include "cli/commands.h"
#include "trainer/run/export.h"
#include "trainer/run/pretraining.h"

#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

struct CreateArguments {
  std::string preset;
  std::filesystem::path output;
  std::int64_t seed = 0;
};

/// The weights that `chexworld pretrain` with this preset and seed begins with.
void create_model(const CreateArguments& arguments) {
  PretrainConfig config;
  apply_settings(config, preset_settings(arguments.preset), "preset " + arguments.preset);
  check(config);
  WorldModel model(world_model_config(config));
  model.initialise(std::uint64_t(arguments.seed));
  model.copy_encoder_to_target();
  const Json training = {{"preset", arguments.preset}, {"seed", arguments.seed}, {"updates", 0}};
  const std::string id = export_target_encoder(model, arguments.output, TrimOptions(), training);
  std::printf(
      "%s\nmodel id %s\nnote: untrained weights, for trials of a system only: similar cases and findings mean "
      "nothing\n",
      arguments.output.c_str(), id.c_str());
}

}  // namespace

void add_model_create(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("create", "Make a bundle with untrained weights, to try a system with");
  const auto arguments = std::make_shared<CreateArguments>();
  command->add_option("--preset", arguments->preset, "Architecture: a preset of `chexworld pretrain`")
      ->required()
      ->check(CLI::IsMember(preset_names()));
  command->add_option("-o,--output", arguments->output, "The bundle to write")->required();
  command->add_option("--seed", arguments->seed, "Of the random weights")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback([arguments] { create_model(*arguments); });
}

}  // namespace chexworld::cli
