// SPDX-License-Identifier: Apache-2.0
#include "cli/label_options.h"

#include "base/failure.h"
#include "cli/conditions.h"

namespace chexworld::cli {

void add_label_options(CLI::App& command, LabelOptions& options) {
  command.add_option("--labels", options.table,
                     "CSV table of labels, joined to the films (else the archive's columns)");
  command.add_option("--key", options.key, "Key of the archive's pseudonyms, needed for a table (ARCHIVE.key)");
  command.add_option("--id-column", options.id_column, "Column of the table that names films");
  command.add_option("--id-kind", options.identity, "What it holds: file, instance, study or accession");
  command.add_flag("--allow-unknown", options.allow_unknown, "Pass over rows that name no film of the archive");
  auto* classes = command.add_option("--classes", options.classes,
                                     "COLUMN=NAME,NAME: classes that exclude each other; two make one finding");
  command.add_option("--findings", options.findings, "Columns of findings: 1, 0, -1 (uncertain) or empty")
      ->delimiter(',')
      ->excludes(classes);
  command.add_option("--where", options.where, "COLUMN=VALUE: only these films; may be given several times");
}

FilmTable film_table(const Archive& archive, const std::filesystem::path& folder, const LabelOptions& options) {
  if (options.table.empty()) return FilmTable(archive);
  LabelFile file{options.table, options.id_column, {}, options.allow_unknown};
  if (!options.identity.empty()) file.identity = film_identity_from(options.identity);
  if (!std::filesystem::exists(file.path)) fail(ErrorCode::kNotFound, "there is no table " + file.path.string());
  return FilmTable(archive, file, archive_key(folder, options));
}

PseudonymKey archive_key(const std::filesystem::path& folder, const LabelOptions& options) {
  const std::filesystem::path key = options.key.empty() ? beside(folder, ".key") : options.key;
  if (!std::filesystem::exists(key))
    fail(ErrorCode::kNotFound,
         "there is no key " + key.string() + ": name the one that the archive was built with (--key)");
  return PseudonymKey::from_file(key);
}

std::filesystem::path beside(const std::filesystem::path& archive, const char* ending) {
  const std::filesystem::path plain = archive.has_filename() ? archive : archive.parent_path();
  return plain.string() + ending;
}

LabelColumns label_columns(const LabelOptions& options) {
  LabelColumns columns;
  if (!options.classes.empty()) columns = class_columns_from(options.classes);
  columns.findings = options.findings;
  if (columns.classes.empty() && columns.findings.empty() && options.table.empty())
    fail(ErrorCode::kInvalidArgument, "name the labels: --classes COLUMN=NAME,NAME or --findings COLUMNS");
  return columns;
}

std::vector<std::int64_t> chosen_films(const FilmTable& table, const LabelOptions& options) {
  std::vector<std::pair<std::string, std::string>> conditions;
  for (const std::string& text : options.where) conditions.push_back(condition(text));
  return table.where(conditions);
}

LabelledFilms labels_of(const FilmTable& table, const LabelOptions& options) {
  return read_labels(table, chosen_films(table, options), label_columns(options));
}

}  // namespace chexworld::cli
