// SPDX-License-Identifier: Apache-2.0
//
// `chexworld archive`: makes training archives, looks into them, checks them.
#include "trainer/archive/archive.h"

#include "base/config.h"
#include "base/csv.h"
#include "base/failure.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/conditions.h"
#include "cli/label_options.h"
#include "cli/progress.h"
#include "cli/remote.h"
#ifdef CHEXWORLD_HAVE_DICOM
#include "trainer/archive/file_source.h"
#include "trainer/archive/orthanc_source.h"
#endif

#include <cstdio>
#include <memory>
#include <set>
#include <thread>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

// ---- build -------------------------------------------------------------------------------------------
#ifdef CHEXWORLD_HAVE_DICOM

struct BuildArguments {
  fs::path folder, archive, key, unreadable;
  TableOptions table;
  std::vector<std::string> keep;
  std::string orthanc;  ///< URL
  std::vector<std::string> query;
  fs::path credentials;
  BuildOptions options;
  bool as_json = false;
};

std::unique_ptr<FilmSource> files_of(const BuildArguments& arguments) {
  if (arguments.table.path.empty()) return std::make_unique<FileSource>(FileSource::walk(arguments.folder));
  TableOptions table = arguments.table;
  for (const std::string& text : arguments.keep) table.keep.push_back(condition(text));
  return std::make_unique<FileSource>(FileSource::from_table(arguments.folder, table));
}

std::unique_ptr<FilmSource> source_of(const BuildArguments& arguments) {
  if (arguments.folder.empty() == arguments.orthanc.empty())
    fail(ErrorCode::kInvalidArgument, "archive build takes either a FOLDER or --orthanc URL");
  if (arguments.orthanc.empty()) return files_of(arguments);
  std::map<std::string, std::string> query;
  for (const std::string& text : arguments.query) query.insert(condition(text));
  const Remote remote(arguments.orthanc, arguments.credentials);
  return std::make_unique<OrthancSource>(
      OrthancConnection{
          [remote](const std::string& target) { return remote.get(target); },
          [remote](const std::string& target, const std::string& json) { return remote.post(target, json); }},
      query);
}

Json to_json(const BuildProgress& progress) {
  return {{"items", progress.items},           {"seen", progress.seen},
          {"there_before", progress.there},    {"added", progress.added},
          {"duplicates", progress.duplicates}, {"skipped", progress.skipped},
          {"unreadable", progress.unreadable}};
}

void print(const BuildProgress& progress) {
  const auto line = [](const std::string& what, std::int64_t count) {
    std::printf("%-24s %lld\n", what.c_str(), static_cast<long long>(count));
  };
  line("films added", progress.added);
  line("there before", progress.there);
  line("duplicates", progress.duplicates);
  for (const auto& [reason, count] : progress.skipped) line("skipped: " + reason, count);
  line("unreadable", progress.unreadable);
}

void write_unreadable(const fs::path& path, const std::string& rows) {
  if (!rows.empty()) write_file_atomically(path, "place,reason\n" + rows);
}

void build(BuildArguments& arguments) {
  if (arguments.key.empty()) arguments.key = beside(arguments.archive, ".key");
  if (arguments.unreadable.empty()) arguments.unreadable = beside(arguments.archive, ".unreadable.csv");
  const std::unique_ptr<FilmSource> source = source_of(arguments);
  const PseudonymKey key = PseudonymKey::from_file(arguments.key);
  std::string unreadable;
  catch_interrupts();
  ProgressLine line("files");
  const BuildProgress progress = build_archive(
      *source, arguments.archive, key, arguments.options,
      [&](const BuildProgress& now) {
        line.show(now.seen, now.items, std::to_string(now.added) + " added");
        return !interrupted();
      },
      [&](const std::string& place, const std::string& why) {
        unreadable += csv_field(place) + "," + csv_field(why) + "\n";
      });
  line.finish();
  write_unreadable(arguments.unreadable, unreadable);
  arguments.as_json ? void(std::printf("%s\n", to_json(progress).dump(2).c_str())) : print(progress);
  if (progress.unreadable > 0) std::fprintf(stderr, "what could not be read: %s\n", arguments.unreadable.c_str());
  if (progress.seen < progress.items)
    fail(ErrorCode::kCancelled, "stopped; the same command goes on where this one ended");
}

void add_build(CLI::App& parent) {
  CLI::App* command = parent.add_subcommand("build", "Make an archive of a folder's films, or add to it");
  const auto arguments = std::make_shared<BuildArguments>();
  arguments->options.threads = int(std::max(1U, std::thread::hardware_concurrency()));
  ArchiveSettings& settings = arguments->options.settings;
  command->add_option("FOLDER", arguments->folder, "DICOM objects, PNG and JPEG pictures");
  command->add_option("--orthanc", arguments->orthanc, "Instead: a running Orthanc, http://HOST:PORT");
  command->add_option("--query", arguments->query,
                      "KEYWORD=VALUE that its instances match, as /tools/find takes them (Modality=CR\\DX\\DR)");
  command->add_option("--credentials", arguments->credentials,
                      "File with user:password (else CHEXWORLD_USER and CHEXWORLD_PASSWORD)");
  command->add_option("-o,--output", arguments->archive, "The archive, a folder")->required();
  command->add_option("--csv", arguments->table.path, "Table that lists the films, with a header line");
  command->add_option("--file-column", arguments->table.file_column, "Its column of paths below FOLDER")
      ->capture_default_str();
  command->add_option("--patient-column", arguments->table.patient_column, "Its column of patient numbers");
  command->add_option("--columns", arguments->table.carry, "Its columns to carry along, comma separated")
      ->delimiter(',');
  command->add_option("--where", arguments->keep, "COLUMN=VALUE: only these rows; may be given several times");
  command->add_option("--short-side", settings.short_side, "Pixels of the shorter side")
      ->capture_default_str()
      ->check(CLI::Range(16, 8192));
  command->add_option("--bits", settings.bits, "Per pixel")->capture_default_str()->check(CLI::IsMember({8, 16}));
  command->add_flag("!--keep-borders", settings.trim.collimation, "Leave margins as they are");
  command->add_option("--key", arguments->key, "File with the key of the pseudonyms, made if missing (ARCHIVE.key)");
  command->add_option("--unreadable", arguments->unreadable, "List of unreadable files (ARCHIVE.unreadable.csv)");
  command->add_option("-j,--threads", arguments->options.threads, "Files at once")->check(CLI::Range(1, 1024));
  command->add_flag("--json", arguments->as_json, "Print JSON");
  command->callback([arguments] {
    ArchiveSettings& chosen = arguments->options.settings;
    chosen.trim.black_border = chosen.trim.collimation;
    build(*arguments);
  });
}
#endif

// ---- info --------------------------------------------------------------------------------------------

/// How often each value of a column occurs; for columns with many values only how many there are.
Json column_summary(const Archive& archive, const std::string& column) {
  constexpr std::size_t kShown = 20;
  std::map<std::string, std::int64_t> counts;
  for (std::int64_t i = 0; i < archive.size(); ++i) ++counts[archive.value(i, column)];
  if (counts.size() > kShown) return {{"distinct", counts.size()}};
  return counts;
}

Json describe(const Archive& archive) {
  Json columns = Json::object();
  for (const std::string& column : archive.columns()) columns[column] = column_summary(archive, column);
  return {{"films", archive.size()},         {"shards", archive.shards()},
          {"bytes", archive.bytes()},        {"short_side", archive.settings().short_side},
          {"bits", archive.settings().bits}, {"columns", columns}};
}

void print_info(const Json& facts) {
  std::printf("films         %lld in %lld shards, %.1f MiB\n", facts["films"].get<long long>(),
              facts["shards"].get<long long>(), facts["bytes"].get<double>() / (1 << 20));
  std::printf("form          short side %d px, %d bits\n", facts["short_side"].get<int>(), facts["bits"].get<int>());
  for (const auto& [column, summary] : facts["columns"].items())
    std::printf("column        %s: %s\n", column.c_str(), summary.dump().c_str());
}

void verify(const fs::path& folder) {
  const Archive archive = Archive::open(folder);
  ProgressLine line("films");
  const std::vector<std::string> problems = archive.verify([&](std::int64_t done) { line.show(done, archive.size()); });
  line.finish();
  for (const std::string& problem : problems) std::printf("%s\n", problem.c_str());
  if (!problems.empty())
    fail(ErrorCode::kMalformed, "the archive is damaged (" + std::to_string(problems.size()) +
                                    " complaints): remove the shards named and build again");
  std::printf("%lld films, all is well\n", static_cast<long long>(archive.size()));
}

void add_info_and_verify(CLI::App& parent) {
  const auto folder = std::make_shared<fs::path>();
  const auto as_json = std::make_shared<bool>(false);
  CLI::App* info = parent.add_subcommand("info", "What an archive holds");
  info->add_option("ARCHIVE", *folder, "The archive's folder")->required();
  info->add_flag("--json", *as_json, "Print JSON");
  info->callback([folder, as_json] {
    const Json facts = describe(Archive::open(*folder));
    *as_json ? void(std::printf("%s\n", facts.dump(2).c_str())) : print_info(facts);
  });
  CLI::App* check =
      parent.add_subcommand("verify", "Read everything and say what is wrong; exit status 1 if anything is");
  check->add_option("ARCHIVE", *folder, "The archive's folder")->required();
  check->callback([folder] { verify(*folder); });
}

}  // namespace

void add_archive(CLI::App& application) {
  CLI::App* command = application.add_subcommand("archive", "Make, show and check training archives");
  command->require_subcommand(1);
#ifdef CHEXWORLD_HAVE_DICOM
  add_build(*command);
#endif
  add_info_and_verify(*command);
}

}  // namespace chexworld::cli
