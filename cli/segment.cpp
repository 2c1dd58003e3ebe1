// SPDX-License-Identifier: Apache-2.0
//
// `chexworld segment`: where a region is on radiographs, as masks and overlays.
#include "base/config.h"
#include "base/failure.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "cli/commands.h"
#include "cli/file_list.h"
#include "cli/progress.h"
#include "image/png.h"
#include "image/region_mask.h"
#include "nn/segmenter_bundle.h"
#include "sandbox/decoder.h"

#include <algorithm>
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <cstdio>
#include <memory>
#include <set>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<fs::path> paths;
  fs::path model, output;
  int side = kLargestFilmSide;
  int threads = 0;
  bool in_process = false;
  bool as_json = false;
};

/// What became of one film.
struct Outlined {
  std::string file;
  std::string problem;  ///< empty: it was outlined
  fs::path mask, overlay;
  double share = 0;  ///< of the film
};

class Outliner {
 public:
  explicit Outliner(const Options& options) : options_(options), bundle_(Bundle::open(options.model)) {
    segmenter_ = read_segmenter(bundle_);
    const BundleConfig& config = bundle_.config();
    recipe_ = recipe_from_json(config.preprocessing, options.model.string() + ": preprocessing");
    threshold_ = float(config.decoder->threshold);
    if (config.decoder->labels.size() != 1)
      fail(ErrorCode::kUnsupported, options.model.string() + " outlines several regions at once, this program one");
    SandboxOptions sandbox;
    sandbox.processes = 1;
    decoder_ = options.in_process ? make_in_process_decoder() : make_sandboxed_decoder(sandbox).value();
    if (options.threads > 0) at::set_num_threads(options.threads);
    fs::create_directories(options.output);
  }

  const std::string& region() const { return bundle_.config().decoder->labels[0]; }

  Outlined outline(const InputFile& file) {
    Outlined outlined{file.path.string(), "", {}, {}, 0};
    try {
      const PreparedRadiograph film = decoder_->decode(file.path, recipe_, options_.side).value();
      if (film.gate.accepted()) {
        write(film, name_of_film(file, film), outlined);
      } else {
        outlined.problem = "is no chest radiograph: " + film.gate.detail;
      }
    } catch (...) {
      outlined.problem = current_error().message();
    }
    return outlined;
  }

 private:
  /// A picture is named by its file; a DICOM object by its SOP Instance UID, because file names may name patients.
  std::string name_of_film(const InputFile& file, const PreparedRadiograph& film) {
    const bool is_picture = film.tags == InstanceTags();
    std::string name = is_picture ? file.path.stem().string() : film.tags.sop_instance_uid;
    if (name.empty()) name = "film";
    std::string unique = name;
    for (int number = 2; !names_.insert(unique).second; ++number) unique = name + "-" + std::to_string(number);
    return unique;
  }

  GrayImage region_of(const PreparedRadiograph& film) const {
    const c10::NoGradGuard no_gradient;
    const std::int64_t side = recipe_.side();
    const at::Tensor images = at::tensor(film.pixels).reshape({1, 3, side, side});
    const at::Tensor values = (*segmenter_)(images)[0][0].sigmoid().contiguous();
    const float* first = values.const_data_ptr<float>();
    const FloatImage square{int(side), int(side), std::vector<float>(first, first + values.numel())};
    return mask_from(on_film(square, film.window, {film.film.height, film.film.width}), threshold_);
  }

  void write(const PreparedRadiograph& film, const std::string& name, Outlined& outlined) const {
    const GrayImage region = region_of(film);
    const auto pixels = std::count(region.pixels.begin(), region.pixels.end(), 255);
    outlined.share = double(pixels) / double(region.pixels.size());
    outlined.mask = options_.output / (name + ".mask.png");
    outlined.overlay = options_.output / (name + ".overlay.png");
    write_png(outlined.mask, region);
    const std::vector<std::byte> png = encode_png(region_overlay(film.film, region));
    write_file_atomically(outlined.overlay, [&](FileWriter& writer) { writer.write(png); });
  }

  const Options& options_;
  const Bundle bundle_;
  std::unique_ptr<Segmenter> segmenter_;
  PreparationRecipe recipe_;
  float threshold_ = 0.5F;
  std::unique_ptr<RadiographDecoder> decoder_;
  std::set<std::string> names_;
};

void print(const Outlined& one, const std::string& region) {
  if (!one.problem.empty())
    return void(std::fprintf(stderr, "chexworld: %s %s\n", one.file.c_str(), one.problem.c_str()));
  std::printf("%s: %s on %.1f %% of the film, %s\n", one.file.c_str(), region.c_str(), 100 * one.share,
              one.overlay.c_str());
}

Json to_json(const Outlined& one) {
  if (!one.problem.empty()) return {{"file", one.file}, {"problem", one.problem}};
  return {{"file", one.file}, {"mask", one.mask.string()}, {"overlay", one.overlay.string()}, {"share", one.share}};
}

void segment(const Options& options) {
  catch_interrupts();
  Outliner outliner(options);
  const std::vector<InputFile> files = list_files(options.paths);
  if (files.empty()) fail(ErrorCode::kNotFound, "no DICOM, PNG or JPEG files in what was given");
  std::size_t problems = 0;
  Json films = Json::array();
  for (const InputFile& file : files) {
    if (interrupted())
      fail(ErrorCode::kCancelled, "interrupted; films that are done are in " + options.output.string());
    const Outlined outlined = outliner.outline(file);
    problems += outlined.problem.empty() ? 0 : 1;
    options.as_json ? films.push_back(to_json(outlined)) : print(outlined, outliner.region());
  }
  if (options.as_json) {
    const Json json{{"region", outliner.region()}, {"films", films}};
    std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  }
  if (problems > 0)
    fail(ErrorCode::kMalformed,
         std::to_string(problems) + " of " + std::to_string(files.size()) + " files could not be outlined");
}

}  // namespace

void add_segment(CLI::App& application) {
  CLI::App* command = application.add_subcommand("segment", "Where a region is on radiographs, as masks and overlays");
  const auto options = std::make_shared<Options>();
  command->add_option("PATHS", options->paths, "DICOM, PNG or JPEG files, or folders of them")->required();
  command->add_option("-m,--model", options->model, "Bundle with a decoder (chexworld finetune --task segmentation)")
      ->required();
  command->add_option("-o,--output", options->output, "Folder for NAME.mask.png and NAME.overlay.png")->required();
  command->add_option("--side", options->side, "Longest side of both, pixels; smaller films keep theirs (4096)")
      ->check(CLI::Range(64, kLargestFilmSide));
  command->add_option("--threads", options->threads, "Processors for the network (default: all that may be used)")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--in-process", options->in_process, "Decode in this process, for files that are trusted");
  command->add_flag("--json", options->as_json, "Print what was found for machines");
  command->callback([options] { segment(*options); });
}

}  // namespace chexworld::cli
