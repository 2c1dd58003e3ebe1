// SPDX-License-Identifier: Apache-2.0
//
// `chexworld phantom`: an archive of made-up chest radiographs with the truth about them.
#include "base/config.h"
#include "base/failure.h"
#include "base/file.h"
#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "dicom/radiograph_writer.h"
#include "image/png.h"
#include "phantom/plan.h"

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;
using namespace phantom;

constexpr int kFolds = 5;

struct Options {
  ArchivePlan plan;
  fs::path output, lung_masks;
  std::vector<std::string> findings;
  int threads = 0;
  bool as_json = false;
};

std::string numbered(const char* format, int number) {
  char text[32];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

/// The names of a film: they depend on seed and number alone, so that the same command gives the same objects.
struct Names {
  std::string patient_id, sop_instance_uid, series_uid, study_uid;
};

Names names_of(const PlannedFilm& film, const ArchivePlan& plan) {
  const std::string patient = "chexworld phantom " + std::to_string(plan.seed) + "/" + std::to_string(film.patient);
  const std::string study = patient + "/" + std::to_string(film.study);
  const std::string image = study + "/" + std::to_string(film.image) + "/" + std::to_string(plan.long_side);
  return {"SYN" + numbered("%05d", film.patient), uid_from_name(image + "/instance"), uid_from_name(image + "/series"),
          uid_from_name(study)};
}

WrittenRadiograph written(const PlannedFilm& planned, const Film& film, const Names& names) {
  WrittenRadiograph object;
  object.rows = film.height;
  object.columns = film.width;
  object.bits_stored = film.bits;
  object.pixels = film.stored;
  object.inverted = film.inverted;
  object.window_centre = film.window_centre;
  object.window_width = film.window_width;
  object.pixel_mm = film.pixel_mm;
  object.sop_instance_uid = names.sop_instance_uid;
  object.series_uid = names.series_uid;
  object.study_uid = names.study_uid;
  object.patient_name = "SYNTHETIC^PATIENT " + numbered("%05d", planned.patient);
  object.patient_id = names.patient_id;
  object.birth_date = planned.birth_date;
  object.sex = planned.film.anatomy.female ? "F" : "M";
  object.age = numbered("%03dY", planned.age_years);
  object.study_date = planned.study_date;
  object.study_time = planned.study_time;
  object.study_id = std::to_string(planned.study);
  object.study_description = "Chest, synthetic";
  object.series_number = planned.image;
  object.instance_number = 1;
  const View view = planned.film.pose.view;
  object.view = view == View::kPA ? WrittenView::kPA : view == View::kAP ? WrittenView::kAP : WrittenView::kLateral;
  object.manufacturer = "chexworld";
  object.model = "phantom " + std::string(look_of(planned.film.look, view == View::kAP).model);
  object.comments = "SYNTHETIC: computed from an analytic phantom, shows no person";
  object.derivation = "Projection of a parametric thorax (chexworld phantom)";
  object.synthetic = true;
  return object;
}

// ---- the truth -----------------------------------------------------------------------------------------

std::string table_head() {
  std::string head =
      "file,sop_instance_uid,study_instance_uid,patient,study,view,sex,age,fold,label,cardiothoracic_ratio";
  for (const FindingKind kind : kFindingKinds) head += "," + std::string(name_of(kind));
  return head + ",sides,boxes\n";
}

bool seen(const Film& film, FindingKind kind) {
  for (const SeenFinding& finding : film.findings)
    if (finding.finding.kind == kind) return true;
  return false;
}

std::string label_of(const Film& film) {
  if (film.findings.empty()) return "normal";
  return film.findings.size() == 1 ? std::string(name_of(film.findings[0].finding.kind)) : "several";
}

/// "nodule 424 399 40 40" (left, top, width, height in pixels), joined by semicolons.
std::string boxes_of(const Film& film) {
  std::string text;
  for (const SeenFinding& seen : film.findings) {
    const PixelRect& box = seen.box;
    text += std::string(text.empty() ? "" : ";") + std::string(name_of(seen.finding.kind)) + " " +
            std::to_string(box.left) + " " + std::to_string(box.top) + " " + std::to_string(box.width) + " " +
            std::to_string(box.height);
  }
  return text;
}

/// "effusion left;nodule right"
std::string sides_of(const Film& film) {
  std::string text;
  for (const SeenFinding& seen : film.findings)
    if (seen.finding.kind != FindingKind::kCardiomegaly)
      text += std::string(text.empty() ? "" : ";") + std::string(name_of(seen.finding.kind)) +
              (seen.finding.side == kLeft ? " left" : " right");
  return text;
}

std::string table_row(const std::string& file, const PlannedFilm& planned, const Film& film, const Names& names) {
  char ratio[16] = "";
  if (film.cardiothoracic_ratio > 0) std::snprintf(ratio, sizeof ratio, "%.3f", film.cardiothoracic_ratio);
  std::string row = file + "," + names.sop_instance_uid + "," + names.study_uid + "," + names.patient_id + "," +
                    std::to_string(planned.study) + "," + std::string(name_of(planned.film.pose.view)) + "," +
                    (planned.film.anatomy.female ? "F" : "M") + "," + std::to_string(planned.age_years) + "," +
                    std::to_string(planned.patient % kFolds) + "," + label_of(film) + "," + ratio;
  for (const FindingKind kind : kFindingKinds) row += seen(film, kind) ? ",1" : ",0";
  return row + "," + sides_of(film) + "," + boxes_of(film) + "\n";
}

// ---- the command ---------------------------------------------------------------------------------------

void prepare_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder))
    fail(ErrorCode::kInputOutput, "cannot make the folder " + folder.string() + ": " + error.message());
  if (!fs::is_empty(folder))
    fail(ErrorCode::kInvalidArgument,
         folder.string() + " is not empty: name a new folder, so that no old film stays in it");
}

struct Made {
  std::vector<std::string> rows;
  std::atomic<std::int64_t> count = 0;
};

void make_all(const Options& options, const std::vector<PlannedFilm>& planned, Made& made) {
  ProgressLine line("films");
  std::mutex mutex;  // of the line
  made.rows.resize(planned.size());
  const auto one = [&](std::size_t i) {
    if (interrupted()) return;
    const Film film = make_film(planned[i].film);
    const Names names = names_of(planned[i], options.plan);
    const std::string file = numbered("film-%05d.dcm", int(i) + 1);
    write_digital_xray(options.output / file, written(planned[i], film, names));
    if (!options.lung_masks.empty()) write_png(options.lung_masks / numbered("film-%05d.png", int(i) + 1), film.lungs);
    made.rows[i] = table_row(file, planned[i], film, names);
    const std::int64_t done = ++made.count;
    const std::scoped_lock lock(mutex);
    if (!options.as_json) line.show(done, std::int64_t(planned.size()));
  };
  const unsigned threads = options.threads > 0 ? unsigned(options.threads) : std::thread::hardware_concurrency();
  in_parallel(planned.size(), std::max(threads, 1U), one);
  line.finish();
}

void print(const Options& options, const std::vector<PlannedFilm>& planned) {
  int studies = 0;
  for (std::size_t i = 0; i < planned.size(); ++i)
    studies += i == 0 || planned[i].patient != planned[i - 1].patient || planned[i].study != planned[i - 1].study;
  const fs::path truth = options.output / "truth.csv";
  if (options.as_json) {
    const Json summary{{"films", planned.size()},
                       {"studies", studies},
                       {"patients", planned.empty() ? 0 : planned.back().patient},
                       {"truth", truth.string()}};
    return void(std::printf("%s\n", summary.dump(2).c_str()));
  }
  std::printf("%zu synthetic films of %d studies of %d patients in %s, the truth about them in %s\n", planned.size(),
              studies, planned.empty() ? 0 : planned.back().patient, options.output.c_str(), truth.c_str());
}

void run(Options options) {
  if (!options.findings.empty()) {
    options.plan.findings.clear();
    for (const std::string& name : options.findings)
      if (name != "none") options.plan.findings.push_back(finding_from(name));
  }
  if (options.plan.findings.empty()) options.plan.prevalence = 0;
  catch_interrupts();
  prepare_folder(options.output);
  if (!options.lung_masks.empty()) prepare_folder(options.lung_masks);
  const std::vector<PlannedFilm> planned = plan_archive(options.plan);
  Made made;
  make_all(options, planned, made);
  if (interrupted())
    fail(ErrorCode::kCancelled, "interrupted after " + std::to_string(made.count.load()) + " films; remove " +
                                    options.output.string() + " and run the command again");
  std::string table = table_head();
  for (const std::string& row : made.rows) table += row;
  write_file_atomically(options.output / "truth.csv", table);
  print(options, planned);
}

}  // namespace

void add_phantom(CLI::App& application) {
  CLI::App* command =
      application.add_subcommand("phantom", "Make synthetic chest radiographs and the truth about them");
  const auto options = std::make_shared<Options>();
  command->add_option("-n,--films", options->plan.films, "How many (100)")->check(CLI::Range(1, 1'000'000));
  command->add_option("-o,--output", options->output, "Folder to make, or an empty one")->required();
  command->add_option("--seed", options->plan.seed, "The same seed gives the same films (1)");
  command->add_option("--prevalence", options->plan.prevalence, "Share of studies with a finding (0.5)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--size", options->plan.long_side, "Long side in pixels (1024)")->check(CLI::Range(256, 4096));
  command
      ->add_option("--findings", options->findings,
                   "effusion, nodule, cardiomegaly, pneumothorax, consolidation (all), or none")
      ->delimiter(',');
  command->add_option("--lung-masks", options->lung_masks,
                      "Folder, new or empty, for masks of the lungs: PNGs called like the films");
  command->add_option("--threads", options->threads, "Processors (default: all)")->check(CLI::Range(0, 1024));
  command->add_flag("--json", options->as_json, "Print a summary for machines");
  command->callback([options] { run(*options); });
}

}  // namespace chexworld::cli
