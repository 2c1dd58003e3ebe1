// SPDX-License-Identifier: Apache-2.0
//
// `chexworld render`: the picture of a DICOM object as a viewer shows it, in a PNG file.
#include "base/failure.h"
#include "cli/commands.h"
#include "dicom/radiograph.h"
#include "image/png.h"
#include "image/resample.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace chexworld::cli {
namespace {

struct Options {
  std::filesystem::path input;
  std::filesystem::path output;
  std::string contrast = "as-stored";
  int window = 0;
  int size = 0;
  bool fast = false;
};

constexpr int kLargestSide = 65535;

RenderOptions render_options(const Options& options) {
  RenderOptions render;
  render.fast = options.fast;
  if (options.size > 0) render.short_side = options.size;
  render.window = std::max(options.window, 1) - 1;
  render.contrast = options.contrast == "range"        ? Contrast::kRange
                    : options.contrast == "percentile" ? Contrast::kPercentile
                                                       : Contrast::kAsStored;
  render.render_skipped = true;  // whoever asks for a picture gets it
  return render;
}

GrayImage sized(GrayImage picture, int short_side) {
  if (short_side == 0 || std::min(picture.width, picture.height) <= short_side) return picture;
  return resize_short_side(picture, short_side);
}

void run(const Options& options) {
  const Result<Radiograph> loaded = load_radiograph(options.input, render_options(options));
  if (!loaded.ok()) throw Failure(Error(loaded.error()).within(options.input.filename().string()));
  const GrayImage picture = sized(loaded->picture, options.size);
  write_png(options.output, picture);
  std::printf("%s: %d x %d, contrast %s, decoded by %s, gate %s\n", options.output.c_str(), picture.width,
              picture.height, loaded->attributes.contrast.c_str(), loaded->attributes.decoder.c_str(),
              std::string(name_of(loaded->gate.reason)).c_str());
  for (const std::string& doubt : loaded->doubts) std::fprintf(stderr, "chexworld: doubt: %s\n", doubt.c_str());
}

}  // namespace

void add_render(CLI::App& application) {
  CLI::App* command = application.add_subcommand("render", "Write the picture of a DICOM object as an 8-bit PNG");
  const auto options = std::make_shared<Options>();
  command->add_option("FILE", options->input, "DICOM file")->required();
  command->add_option("-o,--output", options->output, "PNG file to write")->required();
  command->add_flag("--fast,!--full", options->fast,
                    "Decode straight to about the size asked for (default --full: every pixel)");
  command
      ->add_option("--window", options->window, "Which of the object's VOI LUTs and windows, from 1 (default: first)")
      ->check(CLI::Range(1, 1000));
  command->add_option("--contrast", options->contrast, "as-stored, range or percentile")
      ->check(CLI::IsMember({"as-stored", "range", "percentile"}));
  command->add_option("--size", options->size, "Short side of the result in pixels, never enlarged")
      ->check(CLI::Range(1, kLargestSide));
  command->callback([options] { run(*options); });
}

}  // namespace chexworld::cli
