// SPDX-License-Identifier: Apache-2.0
//
// `chexworld wrap`: chest pictures from PNG and JPEG files as DICOM objects, for a PACS that takes nothing else.
#include "base/csv.h"
#include "base/failure.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "dicom/radiograph_writer.h"
#include "image/png.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path folder, output, table;
  std::string patient_column, view_column = "view", sex_column = "sex", age_column = "age";
  int threads = 0;
};

/// One picture and what the table says about it.
struct Picture {
  fs::path path;
  std::string name;                  ///< below the folder
  std::string patient;               ///< pseudonym
  std::vector<std::string> carried;  ///< values of the table's other columns
};

struct Pictures {
  std::vector<Picture> list;
  std::vector<std::string> columns;  ///< carried
};

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

/// A patient number of the table never goes into an object.
std::string pseudonym(const std::string& patient) {
  return "W" + to_hex(sha256("wrapped patient " + patient)).substr(0, 12);
}

Pictures walk(const fs::path& folder) {
  Pictures pictures;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && is_picture(entry.path())) {
      const std::string name = entry.path().lexically_relative(folder).string();
      pictures.list.push_back({entry.path(), name, pseudonym(name), {}});
    }
  std::sort(pictures.list.begin(), pictures.list.end(),
            [](const Picture& a, const Picture& b) { return a.name < b.name; });
  return pictures;
}

fs::path place_of(const std::string& file, const Options& options) {
  for (const fs::path& start : {options.folder, options.table.parent_path()})
    if (fs::is_regular_file(start / file)) return start / file;
  fail(ErrorCode::kNotFound, options.table.string() + " names " + file + ", which is neither in " +
                                 options.folder.string() + " nor beside the table");
}

Pictures listed(const Options& options) {
  const CsvTable table = read_csv_file(options.table);
  const std::size_t file = table.column("file");
  const bool has_patient = !options.patient_column.empty();
  const std::size_t patient = has_patient ? table.column(options.patient_column) : 0;
  Pictures pictures;
  std::vector<std::size_t> carried;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (i != file && (!has_patient || i != patient)) {
      carried.push_back(i);
      pictures.columns.push_back(table.columns[i]);
    }
  for (const auto& row : table.rows) {
    const std::string who = has_patient && !row[patient].empty() ? row[patient] : "of " + row[file];
    Picture picture{place_of(row[file], options), row[file], pseudonym(who), {}};
    for (const std::size_t column : carried) picture.carried.push_back(row[column]);
    pictures.list.push_back(std::move(picture));
  }
  return pictures;
}

std::string cell(const Pictures& pictures, const Picture& picture, const std::string& column) {
  for (std::size_t i = 0; i < picture.carried.size(); ++i)
    if (pictures.columns[i] == column) return picture.carried[i];
  return "";
}

WrittenView view_from(const std::string& text) {
  if (text == "PA") return WrittenView::kPA;
  if (text == "AP") return WrittenView::kAP;
  if (text == "lateral" || text == "LL") return WrittenView::kLateral;
  return WrittenView::kUnknown;
}

std::string age_from(const std::string& text) {
  if (text.empty() || text.size() > 3 ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return "";
  return std::string(3 - text.size(), '0') + text + "Y";
}

/// Writes the object and returns its SOP Instance UID.
std::string wrap(const Options& options, const Pictures& pictures, const Picture& picture, const fs::path& object) {
  const GrayImage image = within(picture.name, [&] { return read_picture(picture.path); });
  const std::vector<std::uint16_t> pixels(image.pixels.begin(), image.pixels.end());
  const Sha256Digest content = sha256(std::as_bytes(std::span(image.pixels)));
  const std::string name = "chexworld wrap " + picture.name + " " + to_hex(content);
  WrittenRadiograph radiograph;
  radiograph.rows = image.height;
  radiograph.columns = image.width;
  radiograph.bits_stored = 8;
  radiograph.pixels = pixels;
  radiograph.sop_instance_uid = uid_from_name(name + " instance");
  radiograph.series_uid = uid_from_name(name + " series");
  radiograph.study_uid = uid_from_name(name + " study");
  radiograph.patient_name = "WRAPPED^" + picture.patient;
  radiograph.patient_id = picture.patient;
  const std::string sex = cell(pictures, picture, options.sex_column);
  radiograph.sex = sex == "M" || sex == "F" ? sex : "";
  radiograph.age = age_from(cell(pictures, picture, options.age_column));
  radiograph.view = view_from(cell(pictures, picture, options.view_column));
  radiograph.study_description = "Chest";
  radiograph.manufacturer = "chexworld";
  radiograph.model = "chexworld wrap";
  radiograph.derivation = "8-bit picture wrapped by chexworld wrap";
  write_secondary_capture(object, radiograph);
  return radiograph.sop_instance_uid;
}

struct Wrapped {
  std::string object, uid, trouble;
};

std::vector<Wrapped> wrap_all(const Options& options, const Pictures& pictures) {
  std::vector<Wrapped> wrapped(pictures.list.size());
  ProgressLine line("pictures");
  std::mutex mutex;  // of the line
  std::atomic<std::int64_t> done = 0;
  const auto one = [&](std::size_t i) {
    if (interrupted()) return;
    char object[32];
    std::snprintf(object, sizeof object, "film-%05zu.dcm", i + 1);
    try {
      wrapped[i] = {object, wrap(options, pictures, pictures.list[i], options.output / object), ""};
    } catch (...) {
      wrapped[i].trouble = current_error().message();
    }
    const std::int64_t now = ++done;
    const std::scoped_lock lock(mutex);
    line.show(now, std::int64_t(pictures.list.size()));
  };
  const unsigned threads = options.threads > 0 ? unsigned(options.threads) : std::thread::hardware_concurrency();
  in_parallel(pictures.list.size(), std::max(threads, 1U), one);
  line.finish();
  return wrapped;
}

std::string table_of(const Pictures& pictures, const std::vector<Wrapped>& wrapped) {
  std::string text = "file,sop_instance_uid,patient";
  for (const std::string& column : pictures.columns) text += "," + csv_field(column);
  text += "\n";
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    if (wrapped[i].uid.empty()) continue;
    text += wrapped[i].object + "," + wrapped[i].uid + "," + pictures.list[i].patient;
    for (const std::string& value : pictures.list[i].carried) text += "," + csv_field(value);
    text += "\n";
  }
  return text;
}

void run(const Options& options) {
  if (!fs::is_directory(options.folder)) fail(ErrorCode::kNotFound, options.folder.string() + " is no folder");
  const Pictures pictures = options.table.empty() ? walk(options.folder) : listed(options);
  if (pictures.list.empty()) fail(ErrorCode::kNotFound, options.folder.string() + " holds no PNG or JPEG pictures");
  fs::create_directories(options.output);
  if (!fs::is_empty(options.output))
    fail(ErrorCode::kInvalidArgument, options.output.string() + " is not empty: name a new folder");
  catch_interrupts();
  const std::vector<Wrapped> wrapped = wrap_all(options, pictures);
  if (interrupted())
    fail(ErrorCode::kCancelled, "interrupted; remove " + options.output.string() + " and run the command again");
  write_file_atomically(options.output / "films.csv", table_of(pictures, wrapped));
  std::size_t failed = 0;
  for (const Wrapped& one : wrapped)
    if (one.uid.empty()) ++failed, std::fprintf(stderr, "chexworld: %s\n", one.trouble.c_str());
  std::printf("%zu of %zu pictures wrapped; %s lists them\n", wrapped.size() - failed, wrapped.size(),
              (options.output / "films.csv").c_str());
  if (failed > 0)
    fail(ErrorCode::kMalformed, std::to_string(failed) + " pictures could not be read; the others were wrapped");
}

}  // namespace

void add_wrap(CLI::App& application) {
  CLI::App* command =
      application.add_subcommand("wrap", "Wrap chest pictures in PNG and JPEG files into DICOM objects");
  const auto options = std::make_shared<Options>();
  command->add_option("FOLDER", options->folder, "Folder of pictures")->required();
  command->add_option("-o,--output", options->output, "Folder to make, or an empty one")->required();
  command
      ->add_option("--csv", options->table,
                   "Table of the pictures (column file: paths below FOLDER or beside the table)")
      ->check(CLI::ExistingFile);
  command->add_option("--patient-column", options->patient_column,
                      "Its column with patient numbers; only a hash is written");
  command->add_option("--view-column", options->view_column, "PA, AP or lateral")->capture_default_str();
  command->add_option("--sex-column", options->sex_column, "M or F")->capture_default_str();
  command->add_option("--age-column", options->age_column, "Years")->capture_default_str();
  command->add_option("--threads", options->threads, "Processors (default: all)")->check(CLI::Range(0, 1024));
  command->callback([options] { run(*options); });
}

}  // namespace chexworld::cli
