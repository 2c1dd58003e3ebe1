// SPDX-License-Identifier: Apache-2.0
//
// Texts about the films of an archive, by column: what the archive carries, and a table joined to it.
//
// An archive knows its films only by keyed hashes. Whoever has the key can join a table that names files, SOP Instance
// UIDs, studies or accession numbers; these are hashed on the way and never shown: messages name lines of the table.
#pragma once

#include "base/csv.h"
#include "trainer/archive/archive.h"
#include "trainer/archive/build.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// What a table calls a film by.
enum class FilmIdentity {
  kFile,       ///< path below the folder that the archive was built from
  kInstance,   ///< SOP Instance UID
  kStudy,      ///< Study Instance UID: one row for all films of the study
  kAccession,  ///< Accession Number: the same
};

/// "file", "instance", "study", "accession". Throws Failure(kInvalidArgument) for another word.
FilmIdentity film_identity_from(const std::string& name);

/// A table of labels on disk.
struct LabelFile {
  std::filesystem::path path;              ///< CSV with a header line
  std::string id_column{};                 ///< empty: the first with a known name ("file", "SOPInstanceUID", ...)
  std::optional<FilmIdentity> identity{};  ///< empty: from the column's name
  bool allow_unknown = false;              ///< rows that name no film of the archive are passed over
};

/// The archive must outlive it. Immutable.
class FilmTable {
 public:
  /// The archive's own columns.
  explicit FilmTable(const Archive& archive);

  /// Those and the table's; where both have a column, the table's counts. Throws Failure(kInvalidArgument), counting
  /// and naming lines: no column of ids; another key than the archive's; rows without id; rows that name no film
  /// (unless allowed).
  FilmTable(const Archive& archive, const LabelFile& file, const PseudonymKey& key);

  const Archive& archive() const { return archive_; }
  /// All of the archive, or those that the table has a row for; ascending.
  const std::vector<std::int64_t>& films() const { return films_; }
  std::size_t unknown_rows() const { return unknown_rows_; }

  bool has(const std::string& column) const;
  /// Columns of the table that tell about films, in its order, without the one of ids; empty without a table.
  std::vector<std::string> own_columns() const;
  /// Throws Failure(kInvalidArgument) for a column that neither has, or a film without a row.
  const std::string& value(std::int64_t film, const std::string& column) const;
  /// Throws Failure(kInvalidArgument), counting and naming lines, where rows about one film differ in these columns.
  void require_agreement(const std::vector<std::string>& columns) const;
  /// For messages: "labels.csv, line 12" or "film 7 of the archive".
  std::string place(std::int64_t film) const;
  /// The archive's pseudonym; "film-7" where the patient is not known, so that such a film is a patient of its own.
  std::string patient(std::int64_t film) const;

  /// Those of films() with `value` in `column`, for every pair.
  std::vector<std::int64_t> where(const std::vector<std::pair<std::string, std::string>>& conditions) const;

 private:
  void join(const PseudonymKey& key, const LabelFile& file);
  void attach(std::size_t row, const std::vector<std::int64_t>& films);

  const Archive& archive_;
  std::vector<std::int64_t> films_;
  std::optional<CsvTable> table_;
  std::string table_name_;          // file name without folder
  std::size_t id_column_ = 0;       // of the table
  std::vector<std::int64_t> rows_;  // by film of the archive: row of the table, -1 for none
  std::size_t unknown_rows_ = 0;
  std::vector<std::pair<std::size_t, std::size_t>> repeats_;  // rows about a film that has one: the first, this one
};

/// "a, b, c and 4 more"
std::string listed(const std::vector<std::string>& things, std::size_t most = 8);

}  // namespace chexworld
