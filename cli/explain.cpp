// SPDX-License-Identifier: Apache-2.0
//
// `chexworld explain`: where in a radiograph a finding comes from, as a picture and in numbers.
#include "base/config.h"
#include "base/failure.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "cli/commands.h"
#include "image/heat_overlay.h"
#include "infer/heat_map.h"
#include "pipeline/bundle_loader.h"
#include "pipeline/film_facts.h"
#include "sandbox/decoder.h"

#include <chexworld/engine.h>

#include <cstdio>
#include <memory>
#include <optional>

namespace chexworld::cli {
namespace {

struct Options {
  std::filesystem::path file, model, output;
  std::string finding;
  std::string precision = "auto";
  int side = 1024;
  bool in_process = false;
  bool as_json = false;
};

PreparedRadiograph decoded(const Options& options, const PreparationRecipe& recipe) {
  SandboxOptions sandbox;
  sandbox.processes = 1;
  const auto decoder = options.in_process ? make_in_process_decoder() : make_sandboxed_decoder(sandbox).value();
  PreparedRadiograph film = decoder->decode(options.file, recipe, options.side).value();
  if (!film.gate.accepted())
    fail(ErrorCode::kUnsupported, options.file.string() + " is no chest radiograph: " + film.gate.detail);
  return film;
}

HeatMap mapped(const Options& options, const Bundle& bundle, const std::vector<float>& pixels) {
  EngineOptions engine_options;
  engine_options.precision = precision_from(options.precision).value();
  const Engine engine = Engine::load(options.model, engine_options).value();
  const EmbeddingBatch numbers = engine.run(pixels, 1, true).value();
  const BundleHead& head = *bundle.config().head;
  return heat_map(*read_findings_head(bundle), head, numbers.patches, engine.facts().patches,
                  label_named(head, options.finding));
}

void print(const Options& options, const HeatMap& map, const std::optional<Abstention>& abstained) {
  if (options.as_json) {
    const Json json{{"finding", map.finding},
                    {"kind", name_of(map.kind)},
                    {"logit", map.logit},
                    {"bias_share", map.bias_share},
                    {"probability", abstained ? Json() : Json(map.probability)},
                    {"threshold", map.threshold},
                    {"abstained", abstained ? Json(abstained->reason) : Json()},
                    {"grid", {{"shape", {map.grid, map.grid}}, {"data", map.values}}}};
    std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  char answer[80];
  std::snprintf(answer, sizeof answer, "probability %.3f, threshold %.3f", map.probability, map.threshold);
  const std::string said = abstained ? "abstained: " + abstained->reason + ", " + abstained->detail : answer;
  std::printf("%s: %s (logit %+.3f); %s of %lld x %lld patches over the film in %s\n", map.finding.c_str(),
              said.c_str(), map.logit, std::string(name_of(map.kind)).c_str(), static_cast<long long>(map.grid),
              static_cast<long long>(map.grid), options.output.c_str());
}

void explain(const Options& options) {
  const Bundle bundle = Bundle::open(options.model);
  const BundleConfig& config = bundle.config();
  if (!config.head) fail(ErrorCode::kNotFound, options.model.string() + " has no head, so no findings to explain");
  label_named(*config.head, options.finding);  // before anything that takes long
  const std::int64_t side = config.encoder.image_size;
  const PreparationRecipe recipe = recipe_for(options.model, config.preprocessing, side, side);
  const PreparedRadiograph film = decoded(options, recipe);
  std::optional<Abstention> abstained;
  if (const auto& domain = config.domain)
    abstained =
        outside_domain(*domain, film_facts(film.gate, film.quality, film.pixels, recipe.normalization, *domain));
  const HeatMap map = mapped(options, bundle, film.pixels);
  const std::vector<std::byte> png = encode_png(heat_overlay(film.film, {map.values, int(map.grid), film.window}));
  write_file_atomically(options.output, [&](FileWriter& writer) { writer.write(png); });
  print(options, map, abstained);
}

}  // namespace

void add_explain(CLI::App& application) {
  CLI::App* command = application.add_subcommand("explain", "Where in a radiograph a finding comes from, as a picture");
  const auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "DICOM, PNG or JPEG file")->required();
  command->add_option("-m,--model", options->model, "Model bundle with a head")->required();
  command->add_option("--finding", options->finding, "The label, as the bundle names it")->required();
  command->add_option("-o,--output", options->output, "PNG picture to write")->required();
  command->add_option("--side", options->side, "Longest side of the picture, pixels (1024)")
      ->check(CLI::Range(64, kLargestFilmSide));
  command->add_option("--precision", options->precision, "auto, f32, bf16 or int8")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}));
  command->add_flag("--in-process", options->in_process, "Decode in this process, for files that are trusted");
  command->add_flag("--json", options->as_json, "Print the map for machines");
  command->callback([options] { explain(*options); });
}

}  // namespace chexworld::cli
