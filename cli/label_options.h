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
/// Throws Failure(kInvalidArgument) where neither classes nor findings are named.
LabelledFilms labels_of(const FilmTable& table, const LabelOptions& options);

}  // namespace chexworld::cli
