// SPDX-License-Identifier: Apache-2.0
//
// `chexworld model export`: a bundle from a training run, or plain weights from a bundle.
#include "base/failure.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "cli/model.h"
#include "cli/model_card.h"
#ifdef CHEXWORLD_HAVE_TRAINER
#include "trainer/run/checkpoint.h"
#include "trainer/run/export.h"
#include "trainer/run/pretraining.h"
#endif

#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct ExportArguments {
  fs::path source, output, card;
  std::string component;
};

void export_weights(const ExportArguments& arguments) {
  const std::string component = arguments.component.empty() ? "all" : arguments.component;
  const Bundle bundle = Bundle::open(arguments.source);
  TensorMap tensors = component == "head" ? TensorMap{} : bundle.encoder();
  if (component != "encoder") tensors.merge(bundle.head());
  if (tensors.empty()) fail(ErrorCode::kNotFound, arguments.source.string() + " has no head to export");
  write_safetensors(arguments.output, tensors, {{"format", "pt"}});
  std::printf("%s: %zu tensors\n", arguments.output.c_str(), tensors.size());
}

/// A run's folder, or one of its checkpoints.
bool is_of_training(const fs::path& path) {
  return fs::is_directory(path) || SafetensorsFile::open(path).metadata().contains("chexworld.checkpoint");
}

#ifdef CHEXWORLD_HAVE_TRAINER
void export_run(const ExportArguments& arguments) {
  const fs::path checkpoint = find_checkpoint(arguments.source);
  const CheckpointHeader header = read_checkpoint_header(checkpoint);
  WorldModel model(world_model_config(header.config));
  load_model(checkpoint, model);
  const VisionTransformer& encoder = arguments.component == "context" ? model.encoder() : model.target_encoder();
  const std::string id =
      export_encoder(encoder, arguments.output, header.trim,
                     {{"updates", header.progress.updates}, {"minutes", header.progress.seconds / 60}});
  std::printf("%s\nmodel id %s\n", arguments.output.c_str(), id.c_str());
}
#else
void export_run(const ExportArguments& arguments) {
  fail(ErrorCode::kUnsupported, arguments.source.string() + " is of a training run, and this program has no trainer");
}
#endif

void write_card(const ExportArguments& arguments) {
  const BundleInfo info = inspect_bundle(arguments.source).value();
  write_file_atomically(arguments.card, model_card_markdown(info, arguments.source.stem().string()));
  std::printf("%s: card of model %s\n", arguments.card.c_str(), info.model_id.c_str());
}

void export_model(const ExportArguments& arguments) {
  if (arguments.output.empty() && arguments.card.empty())
    fail(ErrorCode::kInvalidArgument, "name what is to be written: --output, --card or both");
  if (!arguments.card.empty()) write_card(arguments);
  if (arguments.output.empty()) return;

  const bool training = is_of_training(arguments.source);
  const std::string& part = arguments.component;
  if (!part.empty() && training != (part == "target" || part == "context"))
    fail(ErrorCode::kInvalidArgument, "--component of a " + std::string(training ? "run" : "bundle") + " is " +
                                          (training ? "target or context" : "all, encoder or head") + ", not " + part);
  training ? export_run(arguments) : export_weights(arguments);
}

}  // namespace

void add_model_export(CLI::App& parent) {
  CLI::App* command =
      parent.add_subcommand("export", "A bundle from a run or its checkpoint; plain safetensors from a bundle");
  const auto arguments = std::make_shared<ExportArguments>();
  command->add_option("SOURCE", arguments->source, "Folder of a run, checkpoint, or bundle")->required();
  command->add_option("-o,--output", arguments->output, "The file to write");
  command->add_option("--card", arguments->card, "Write a bundle's model card in Markdown to this file");
  command
      ->add_option("--component", arguments->component,
                   "Of a run: target (default, the moving average) or context; of a bundle: all (default), encoder or "
                   "head")
      ->check(CLI::IsMember({"target", "context", "all", "encoder", "head"}));
  command->callback([arguments] { export_model(*arguments); });
}

}  // namespace chexworld::cli
