// SPDX-License-Identifier: Apache-2.0
//
// `chexworld model`: foreign checkpoints into bundles, and what a file holds. Other commands have files of their own.
#include "cli/model.h"
#include "base/failure.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "bundle/bundle.h"
#include "bundle/printable.h"
#include "bundle/vit_import.h"
#include "cli/commands.h"
#include "cli/model_card.h"
#include "cli/self_test.h"
#include "image/prepare.h"

#include <cstdio>
#include <memory>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

// ---- import ------------------------------------------------------------------------------------------

struct ImportArguments {
  fs::path file;
  fs::path output;
  bool target = false;
  bool context = false;
  bool without_head = false;
  bool without_self_test = false;
  std::int64_t image_size = 0;
  std::string licence;
  ImportOptions options;
};

/// The released evaluation: short side to 256/224 of the input size, then its middle.
Json preparation_for(std::int64_t image_size) {
  PreparationRecipe recipe;
  recipe.size.crop = int(image_size);
  recipe.size.resize = int((image_size * 256 + 112) / 224);
  require_possible(recipe);
  return to_json(recipe);
}

std::int64_t input_size(const ImportArguments& arguments, const EncoderShape& encoder) {
  const std::int64_t size = arguments.image_size != 0 ? arguments.image_size : encoder.image_size;
  if (size < 1 || size % encoder.patch_size != 0)
    fail(ErrorCode::kInvalidArgument, "an image size of " + std::to_string(size) +
                                          " is not a multiple of the patch size " + std::to_string(encoder.patch_size));
  return size;
}

void import_model(const ImportArguments& arguments) {
  const WeightSource source = open_weights(arguments.file);
  ImportedModel model = import_vision_transformer(source, arguments.options);
  BundleConfig config;
  config.encoder = model.encoder;
  config.head = model.head;
  config.preprocessing = preparation_for(input_size(arguments, model.encoder));
  config.licence = arguments.licence;
  if (!arguments.without_self_test) add_self_test(model, arguments.output.string() + ".selftest");
  config.source = BundleSource{arguments.file.filename().string(), to_hex(sha256(MappedFile(arguments.file).bytes())),
                               model.component, model.notes};
  write_bundle(arguments.output, config, model.tensors);

  const BundleInfo info = inspect_bundle(arguments.output).value();
  std::printf("%s: %s, patch %lld, %lld px, from %s\n", arguments.output.c_str(),
              info.architecture.empty() ? "custom encoder" : info.architecture.c_str(), (long long)info.patch_size,
              (long long)info.image_size, printable(model.component.empty() ? "(top)" : model.component).c_str());
  std::printf("model id %s\n", info.model_id.c_str());
  for (const std::string& note : model.notes) std::printf("note: %s\n", note.c_str());
}

void add_import(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("import", "Make a bundle from a .pth, .pt or safetensors checkpoint");
  const auto arguments = std::make_shared<ImportArguments>();
  ImportOptions& options = arguments->options;
  command->add_option("FILE", arguments->file, "The checkpoint")->required();
  command->add_option("-o,--output", arguments->output, "The bundle to write")->required();
  auto* target =
      command->add_flag("--target-encoder", arguments->target, "The moving average (what there is by default)");
  command->add_flag("--context-encoder", arguments->context, "The encoder that was trained")->excludes(target);
  command->add_option("--arch", options.architecture,
                      "Refuse anything else: vit_tiny, _small, _base, _large, _huge, _giant");
  command->add_option("--num-heads", options.heads, "Attention heads, where the width does not tell")
      ->check(CLI::PositiveNumber);
  command->add_option("--image-size", arguments->image_size, "Input size in pixels, if not the training size")
      ->check(CLI::PositiveNumber);
  command->add_option("--labels", options.labels, "Names of the head's outputs, comma separated")->delimiter(',');
  command->add_flag("--no-head", arguments->without_head, "Leave a classification head out");
  command->add_flag("--no-self-test", arguments->without_self_test,
                    "Do not store an embedding to check installations with");
  command->add_flag("--drop-class-token", options.drop_class_token, "Import a model that has one without it");
  command->add_option("--licence,--license", arguments->licence, "Licence of the weights, as text");
  command->callback([arguments] {
    if (arguments->target) arguments->options.component = ImportOptions::Component::kTarget;
    if (arguments->context) arguments->options.component = ImportOptions::Component::kContext;
    arguments->options.with_head = !arguments->without_head;
    import_model(*arguments);
  });
}

// ---- info --------------------------------------------------------------------------------------------

Json describe_bundle(const fs::path& path) {
  const BundleInfo info = inspect_bundle(path).value();
  return {{"kind", "bundle"},
          {"model_id", info.model_id},
          {"architecture", info.architecture},
          {"parameters", info.parameters},
          {"self_test", info.has_self_test},
          {"config", Json::parse(info.config_json)}};
}

Json describe_weights(const WeightSource& source) {
  Json tensors = Json::array();
  for (const auto& [name, tensor] : source.tensors)
    tensors.push_back({{"name", name}, {"type", name_of(tensor.type)}, {"shape", tensor.shape}});
  Json skipped = Json::array();
  for (const SkippedValue& value : source.skipped)
    skipped.push_back({{"name", value.name}, {"what", value.what}, {"holds_tensors", value.holds_tensors}});
  return {{"kind", "checkpoint"}, {"tensors", std::move(tensors)}, {"skipped", std::move(skipped)}};
}

bool is_bundle(const fs::path& path) {
  try {
    return SafetensorsFile::open(path).metadata().contains("chexworld.format");
  } catch (const Failure& failure) {
    if (failure.error().code() == ErrorCode::kMalformed || failure.error().code() == ErrorCode::kTooLarge) return false;
    throw;
  }
}

void print_bundle(const Json& facts) {
  const Json& encoder = facts["config"]["encoder"];
  const auto number = [&](const char* key) { return encoder[key].get<long long>(); };
  const auto name = facts["architecture"].get<std::string>();
  std::printf("model id      %s\n", facts["model_id"].get<std::string>().c_str());
  std::printf("encoder       %s, width %lld, depth %lld, %lld heads\n", name.empty() ? "custom" : name.c_str(),
              number("width"), number("depth"), number("heads"));
  std::printf("input         %lld px, patch %lld\n", number("image_size"), number("patch_size"));
  std::printf("parameters    %lld\n", facts["parameters"].get<long long>());
  std::printf("self-test     %s\n", facts["self_test"].get<bool>() ? "yes" : "no");
  const Json& config = facts["config"];
  if (config.contains("training") && config["training"].value("updates", Json()) == 0)
    std::printf("training      none: random weights\n");
  std::printf("licence       %s\n", config.value("licence", std::string()).c_str());
}

void print_weights(const WeightSource& source) {
  for (const auto& [name, tensor] : source.tensors)
    std::printf("%-4s %-20s %s\n", std::string(name_of(tensor.type)).c_str(), shape_text(tensor.shape).c_str(),
                printable(name).c_str());
  for (const SkippedValue& value : source.skipped)
    std::printf("not read: %s (%s)\n", printable(value.name).c_str(), printable(value.what).c_str());
}

std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

void show_info(const fs::path& path, bool as_json) {
  if (is_bundle(path)) {
    const Json facts = describe_bundle(path);
    if (as_json) return void(std::printf("%s\n", dumped(facts).c_str()));
    print_bundle(facts);
    std::printf("%s", model_card_text(inspect_bundle(path).value()).c_str());
    return;
  }
  const WeightSource source = open_weights(path);
  as_json ? void(std::printf("%s\n", dumped(describe_weights(source)).c_str())) : print_weights(source);
}

void add_info(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("info", "What a bundle or a checkpoint holds");
  const auto path = std::make_shared<fs::path>();
  const auto as_json = std::make_shared<bool>(false);
  command->add_option("FILE", *path, "The file")->required();
  command->add_flag("--json", *as_json, "Print JSON");
  command->callback([path, as_json] { show_info(*path, *as_json); });
}

}  // namespace

void add_model(CLI::App& application) {
  CLI::App* command = application.add_subcommand("model", "Import, create, show, export models; hand them to a worker");
  command->require_subcommand(1);
  add_import(*command);
  add_info(*command);
  add_model_export(*command);
  add_model_server_commands(*command);
#ifdef CHEXWORLD_HAVE_TRAINER
  add_model_create(*command);
#endif
}

}  // namespace chexworld::cli
