// SPDX-License-Identifier: Apache-2.0
//
// Which films of an archive are labelled, and how: options that commands with labels share.
#pragma once

#include "trainer/labels/labelled_films.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace chexworld::cli {

struct LabelOptions {
  std::filesystem::path table;  ///< CSV; empty: the archive's own columns
  std::filesystem::path key;    ///< of pseudonyms; empty: ARCHIVE.key
  std::string id_column, identity;
  bool allow_unknown = false;
  std::string classes;                ///< "label=normal,pneumonia"
  std::vector<std::string> findings;  ///< columns
  std::vector<std::string> where;     ///< COLUMN=VALUE
};

void add_label_options(CLI::App& command, LabelOptions& options);

/// The archive must outlive it.
FilmTable film_table(const Archive& archive, const std::filesystem::path& folder, const LabelOptions& options);
/// Without classes and findings, all columns of the table but the one of ids are findings; the archive's own have to be
/// named. Throws Failure(kInvalidArgument).
LabelledFilms labels_of(const FilmTable& table, const LabelOptions& options);
/// Of the archive's pseudonyms. Throws Failure(kNotFound).
PseudonymKey archive_key(const std::filesystem::path& folder, const LabelOptions& options);
/// What the options say is a label.
LabelColumns label_columns(const LabelOptions& options);
/// The films of the table that --where leaves.
std::vector<std::int64_t> chosen_films(const FilmTable& table, const LabelOptions& options);

/// "films.key" for the archive "films" or "films/".
std::filesystem::path beside(const std::filesystem::path& archive, const char* ending);

}  // namespace chexworld::cli
